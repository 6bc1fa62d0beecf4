// The first page: is the server well, and what happened in the last quarter of an hour.

import type { OverviewAnswer } from '@hongyan/protocol/operator/overview';
import { useQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { Charts } from './charts.tsx';
import { overviewQuery } from './overview-query.ts';
import { DiskFacts, ProcessTable, QueueTable } from './state-tables.tsx';

export function OverviewPage() {
  const t = useWords();
  const overview = useQuery(overviewQuery);
  return (
    <>
      <h1>{t('pages.overview')}</h1>
      <Answer of={overview}>
        {(found) => (
          <>
            {!overview.isError && <Status overview={found} />}
            <Charts overview={found} isStale={overview.isError} />
            <div className="columns">
              <ProcessTable overview={found} />
              <QueueTable overview={found} />
            </div>
            <DiskFacts overview={found} />
          </>
        )}
      </Answer>
    </>
  );
}

function Status({ overview }: { readonly overview: OverviewAnswer }) {
  const t = useWords();
  const amounts = useAmounts();
  const troubles = Object.entries(overview.checks).filter(([, { status }]) => status !== 'ok');
  const state = overview.status !== 'ready' ? 'failed' : troubles.length > 0 ? 'degraded' : 'ok';
  return (
    <section className="status" data-state={state} aria-label={t('overview.state')}>
      <p className="status-line">
        <span className="status-dot" aria-hidden="true" />
        <strong>{t(`overview.states.${state}`)}</strong>
        <span className="quiet">
          {t('overview.since', {
            version: overview.version,
            duration: amounts.duration(Date.now() - overview.started_at),
          })}
        </span>
      </p>
      {troubles.length > 0 && (
        <ul className="status-troubles">
          {troubles.map(([name, { reason }]) => (
            <li key={name}>
              <span className="code">{name}</span> {reason}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
