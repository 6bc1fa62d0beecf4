// The charts of the first page, all at one moment: the newest, or the one under the pointer or chosen by the slider.

import type { OverviewAnswer, OverviewPoint } from '@hongyan/protocol/operator/overview';
import { useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { TrendChart } from './trend-chart.tsx';

/** The top of a chart is a round number of these. */
const mebibyte = 1024 * 1024;

/** `isStale`: the server has not answered since. */
export function Charts({ overview, isStale }: { readonly overview: OverviewAnswer; readonly isStale: boolean }) {
  const t = useWords();
  const amounts = useAmounts();
  const { points, connections_max } = overview;
  // By its time: further points come while it is looked at.
  const [chosenMs, setChosenMs] = useState<number>();
  if (points.length === 0) return <p className="quiet">{t('overview.noPoints')}</p>;
  const times = points.map(({ at }) => at);
  const found = chosenMs === undefined ? -1 : times.indexOf(chosenMs);
  const at = found < 0 ? points.length - 1 : found;
  const choose = (index: number | undefined) => setChosenMs(index === undefined ? undefined : times[index]);
  const of = (read: (point: OverviewPoint) => number | null) => points.map(read);
  const shared = { times, at, onChoose: choose };
  const { number, bytes } = amounts;
  const milliseconds = (value: number) => `${number(value)} ms`;
  return (
    <section className="charts" aria-label={t('overview.charts')}>
      <div className="charts-grid">
        <TrendChart
          {...shared}
          name={t('overview.connections', { max: number(connections_max) })}
          series={[{ name: 'connections', values: of((point) => point.connections) }]}
          least={10}
          words={number}
        />
        <TrendChart
          {...shared}
          name={t('overview.messages')}
          series={[
            { name: t('overview.sent'), values: of((point) => point.messages_per_s) },
            { name: t('overview.refused'), values: of((point) => point.refused_per_s) },
          ]}
          least={1}
          words={number}
        />
        <TrendChart
          {...shared}
          name={t('overview.ack')}
          series={[
            { name: 'p50', values: of((point) => point.ack_p50_ms) },
            { name: 'p99', values: of((point) => point.ack_p99_ms) },
          ]}
          least={1}
          words={milliseconds}
        />
        <TrendChart
          {...shared}
          name={t('overview.batch')}
          series={[{ name: 'batch', values: of((point) => point.entries_per_commit) }]}
          least={1}
          words={number}
        />
        <TrendChart
          {...shared}
          name={t('overview.memory')}
          series={[{ name: 'memory', values: of((point) => point.memory_bytes / mebibyte) }]}
          least={1}
          words={(value) => bytes(value * mebibyte)}
        />
        <TrendChart
          {...shared}
          name={t('overview.cores')}
          series={[{ name: 'cores', values: of((point) => point.cores) }]}
          least={0.1}
          words={number}
        />
      </div>
      <label className="charts-moment">
        <span>{t('overview.moment')}</span>
        <input
          type="range"
          min={0}
          max={points.length - 1}
          value={at}
          aria-valuetext={amounts.clockTime(times[at] ?? 0)}
          onChange={(event) => {
            const index = event.target.valueAsNumber;
            choose(index === points.length - 1 ? undefined : index);
          }}
        />
        <output>
          {amounts.clockTime(times[at] ?? 0)}
          {found < 0 && !isStale && ` (${t('overview.now')})`}
        </output>
      </label>
    </section>
  );
}
