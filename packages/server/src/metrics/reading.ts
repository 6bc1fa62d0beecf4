// Metrics of all processes as they were read at one moment, and what two such moments say about the time between them.

import type { Labels, MetricFamily } from './metrics.ts';

type Value = MetricFamily['values'][number];

export class Reading {
  readonly #byName = new Map<string, Value[]>();

  constructor(families: readonly MetricFamily[]) {
    for (const { name, values } of families) {
      for (const value of values) {
        const key = value.metricName ?? name;
        const known = this.#byName.get(key);
        if (known === undefined) this.#byName.set(key, [value]);
        else known.push(value);
      }
    }
  }

  values(name: string, labels: Labels = {}): readonly Value[] {
    return (this.#byName.get(name) ?? []).filter((value) =>
      Object.entries(labels).every(([key, wanted]) => value.labels[key] === wanted),
    );
  }

  sum(name: string, labels: Labels = {}): number {
    return this.values(name, labels).reduce((total, { value }) => total + value, 0);
  }
}

export interface Between {
  readonly before: Reading;
  readonly now: Reading;
}

/** How much a counter grew. A process that started anew began at zero: that counts as nothing, not as less. */
export const grown = ({ before, now }: Between, name: string, labels: Labels = {}): number =>
  Math.max(0, now.sum(name, labels) - before.sum(name, labels));

/**
 * The value below which these shares of a histogram's new values lie, taking those of a bucket as evenly spread: as Prometheus does.
 * null without a new value; the largest bound for what lies beyond it.
 */
export function quantiles(between: Between, name: string, options: QuantileOptions): readonly (number | null)[] {
  const { shares, labels = {} } = options;
  const bucket = `${name}_bucket`;
  const bounds = [...new Set(between.now.values(bucket, labels).map(({ labels: { le } }) => String(le)))]
    .filter((le) => le !== '+Inf')
    .sort((a, b) => Number(a) - Number(b));
  const upTo = bounds.map((le) => ({ bound: Number(le), count: grown(between, bucket, { ...labels, le }) }));
  const total = grown(between, bucket, { ...labels, le: '+Inf' });
  return shares.map((share) => (total === 0 ? null : within(upTo, total * share)));
}

interface QuantileOptions {
  readonly shares: readonly number[];
  readonly labels?: Labels;
}

interface UpTo {
  readonly bound: number;
  readonly count: number;
}

function within(upTo: readonly UpTo[], rank: number): number {
  const at = upTo.findIndex(({ count }) => count >= rank);
  const found = upTo[at];
  if (found === undefined) return upTo.at(-1)?.bound ?? 0;
  const below = upTo[at - 1] ?? { bound: 0, count: 0 };
  return below.bound + ((found.bound - below.bound) * (rank - below.count)) / (found.count - below.count);
}
