// One webhook: where it stands, its last attempts, its dead letters, and what can be done: test, stop, replay.

import type { WebhookAttempt, WebhookDeadLetter, WebhookEndpoint } from '@hongyan/protocol/operator/webhooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer, Failure } from '../shell/answer.tsx';
import { AskedButton } from '../shell/asked-button.tsx';
import { Facts } from '../shell/facts.tsx';
import { hrefOf } from '../shell/route.ts';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';
import { EndpointFilter } from './endpoint-filter.tsx';
import { EndpointState } from './endpoint-state.tsx';
import { SecretRotation } from './secret-rotation.tsx';
import {
  attemptsQuery,
  deadLettersQuery,
  endpointQuery,
  removeEndpoint,
  replayAfter,
  replayDead,
  setEnabled,
  testEndpoint,
} from './webhook-queries.ts';

export function EndpointView({ id }: { readonly id: string }) {
  const t = useWords();
  const endpoint = useQuery(endpointQuery(id));
  const attempts = useQuery(attemptsQuery(id));
  const dead = useQuery(deadLettersQuery(id));
  return (
    <>
      <p>
        <a className="link" href={hrefOf('webhooks')}>
          {t('webhooks.back')}
        </a>
      </p>
      <Answer of={endpoint}>
        {(found) => (
          <>
            <h1 className="code">{found.url}</h1>
            <EndpointFacts endpoint={found} />
            <EndpointActions endpoint={found} />
            <EndpointFilter endpoint={found} />
            <SecretRotation endpoint={found} />
            <Answer of={dead}>{({ dead_letters }) => <DeadLetters id={id} letters={dead_letters} />}</Answer>
            <Answer of={attempts}>{(of) => <Attempts id={id} attempts={of.attempts} />}</Answer>
          </>
        )}
      </Answer>
    </>
  );
}

function EndpointFacts({ endpoint }: { readonly endpoint: WebhookEndpoint }) {
  const t = useWords();
  const { number } = useAmounts();
  const { types, created_at, behind, waiting, dead_letters, position, old_secret_until } = endpoint;
  return (
    <Facts
      of={[
        [t('webhooks.state'), <EndpointState key="state" endpoint={endpoint} />],
        [t('webhooks.types'), types.length === 0 ? t('webhooks.allTypes') : types.join(', ')],
        [t('users.created'), <Ago key="created" at={created_at} />],
        ...(old_secret_until === undefined
          ? []
          : [[t('webhooks.oldSecret'), <Ago key="old" at={old_secret_until} />] as const]),
        [t('webhooks.behind'), number(behind)],
        [t('webhooks.waiting'), number(waiting)],
        [t('webhooks.dead'), number(dead_letters)],
        [
          t('webhooks.position'),
          <span key="position" className="code">
            {position}
          </span>,
        ],
      ]}
    />
  );
}

function EndpointActions({ endpoint: { id, enabled } }: { readonly endpoint: WebhookEndpoint }) {
  const t = useWords();
  const queries = useQueryClient();
  const { number } = useAmounts();
  const onSettled = () => queries.invalidateQueries({ queryKey: ['webhooks'] });
  const testing = useMutation({ mutationFn: () => testEndpoint(id), onSettled });
  const enabling = useMutation({ mutationFn: () => setEnabled(id, !enabled), onSettled });
  return (
    <div className="toolbar">
      <button type="button" className="button-small" disabled={testing.isPending} onClick={() => testing.mutate()}>
        {t('webhooks.test')}
      </button>
      <button type="button" className="button-small" disabled={enabling.isPending} onClick={() => enabling.mutate()}>
        {t(enabled ? 'webhooks.disable' : 'webhooks.enable')}
      </button>
      <AskedButton
        label={t('webhooks.remove')}
        name={t('webhooks.removeThis')}
        consequence={t('webhooks.consequence')}
        act={() => removeEndpoint(id)}
        onDone={() => {
          location.hash = hrefOf('webhooks');
        }}
        changes="webhooks"
      />
      {testing.data && (
        <output>
          {t('webhooks.tested', {
            answer: testing.data.error ?? String(testing.data.status),
            duration: number(testing.data.duration_ms),
          })}
        </output>
      )}
      {(testing.error ?? enabling.error) && <Failure error={testing.error ?? enabling.error} />}
    </div>
  );
}

function DeadLetters({ id, letters }: { readonly id: string; readonly letters: readonly WebhookDeadLetter[] }) {
  const t = useWords();
  const { number } = useAmounts();
  if (letters.length === 0) return <p className="quiet">{t('webhooks.noDead')}</p>;
  return (
    <>
      <Table
        name={t('webhooks.dead')}
        columns={[
          { head: t('webhooks.event') },
          { head: t('webhooks.gaveUp') },
          { head: t('webhooks.attempts'), isNumber: true },
          { head: t('webhooks.error') },
          { head: t('app.actions'), isUnseen: true },
        ]}
      >
        {letters.map(({ event_id, type, position, attempts, error, at }) => (
          <tr key={position}>
            <th scope="row" className="code">
              {type}
            </th>
            <td>
              <Ago at={at} />
            </td>
            <td className="number">{number(attempts)}</td>
            <td>{error}</td>
            <td className="actions">
              <AskedButton
                label={t('webhooks.replay')}
                name={t('webhooks.replayOf', { event: event_id })}
                consequence={t('webhooks.replayConsequence')}
                act={() => replayDead(id, position)}
                changes="webhooks"
              />
            </td>
          </tr>
        ))}
      </Table>
      <p>
        <AskedButton
          label={t('webhooks.replayAll')}
          name={t('webhooks.replayAll')}
          consequence={t('webhooks.replayConsequence')}
          act={() => replayDead(id)}
          changes="webhooks"
        />
      </p>
    </>
  );
}

function Attempts({ id, attempts }: { readonly id: string; readonly attempts: readonly WebhookAttempt[] }) {
  const t = useWords();
  const { number } = useAmounts();
  if (attempts.length === 0) return <p className="quiet">{t('webhooks.noAttempts')}</p>;
  return (
    <Table
      name={t('webhooks.lastAttempts')}
      columns={[
        { head: t('webhooks.event') },
        { head: t('webhooks.when') },
        { head: t('webhooks.answer') },
        { head: t('webhooks.duration'), isNumber: true },
        { head: t('webhooks.position') },
        { head: t('app.actions'), isUnseen: true },
      ]}
    >
      {attempts.map(({ event_id, type, position, at, status, error, duration_ms }) => (
        <tr key={`${position} ${at}`}>
          <th scope="row" className="code" title={event_id}>
            {type}
          </th>
          <td>
            <Ago at={at} />
          </td>
          <td>
            <span className="stand" data-state={error === undefined ? 'well' : 'failing'}>
              {status === 0 ? t('webhooks.noAnswer') : status}
            </span>
            {error !== undefined && <span className="below quiet">{error}</span>}
          </td>
          <td className="number">{number(duration_ms)} ms</td>
          <td className="code">{position}</td>
          <td className="actions">
            <AskedButton
              label={t('webhooks.replayFrom')}
              name={t('webhooks.replayFromOf', { position })}
              consequence={t('webhooks.replayFromConsequence')}
              act={() => replayAfter(id, position)}
              changes="webhooks"
            />
          </td>
        </tr>
      ))}
    </Table>
  );
}
