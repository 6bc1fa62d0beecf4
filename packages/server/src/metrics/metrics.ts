// What this process reports about itself. The code that works keeps plain numbers; they are read here when someone asks for them, so
// that counting costs an addition. Labels are few and bounded: never a user, a device, a conversation or an address.

import { assert } from '@hongyan/base/assert';
import { type Clock, systemClock } from '@hongyan/base/clock';
import { type Log, silentLog } from '@hongyan/base/log';
import type { Histogram } from './histogram.ts';
import { TimelyRead } from './timely-read.ts';

export type Labels = Readonly<Record<string, string | number>>;
export type Sample = readonly [labels: Labels, value: number];

export interface Reading<T> {
  /** hongyan_<noun>_<unit>, and _total at the end of a counter. */
  readonly name: string;
  /** One sentence; docs/operating/metrics.md says more. */
  readonly help: string;
  /** Called at each scrape; it must not block. When it fails, or takes longer than `readTimeoutMs`, the scrape goes without its samples. */
  readonly read: () => T | Promise<T>;
}

type Values = number | Iterable<Sample>;
type Histograms = Histogram | Iterable<readonly [labels: Labels, histogram: Histogram]>;
type Kind = 'counter' | 'gauge' | 'histogram';

/** As it travels between processes, in the shape that prom-client merges and prints. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: Kind;
  readonly aggregator: 'sum';
  readonly values: readonly { readonly value: number; readonly labels: Labels; readonly metricName?: string }[];
}

interface Registered {
  readonly name: string;
  readonly help: string;
  readonly type: Kind;
  readonly reads: TimelyRead<MetricFamily['values']>[];
}

/** Of a scrape: well below the time after which the process that asks this one gives up, and Prometheus. */
const readTimeoutMs = 2_500;

interface MetricsOptions {
  readonly process: string;
  readonly log?: Log;
  readonly clock?: Clock;
}

export class Metrics {
  readonly #own: Labels;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #registered = new Map<string, Registered>();

  /** `process` is a label of every sample. */
  constructor({ process, log = silentLog, clock = systemClock }: MetricsOptions) {
    this.#own = { process };
    this.#log = log;
    this.#clock = clock;
  }

  /** Only grows while the process lives. */
  counter(reading: Reading<Values>): void {
    assert(reading.name.endsWith('_total'), 'the name of a counter ends in _total', reading.name);
    this.#add('counter', reading, async () => valuesOf(await reading.read(), this.#own));
  }

  gauge(reading: Reading<Values>): void {
    this.#add('gauge', reading, async () => valuesOf(await reading.read(), this.#own));
  }

  histogram(reading: Reading<Histograms>): void {
    const { name, read } = reading;
    this.#add('histogram', reading, async () => {
      const found = await read();
      const each = Symbol.iterator in found ? [...found] : [[{}, found] as const];
      return each.flatMap(([labels, histogram]) => bucketsOf(name, { ...labels, ...this.#own }, histogram));
    });
  }

  /** A bounded queue: how much waits in it, and how much may. */
  queue(queue: string, { depth, max }: { readonly depth: () => number; readonly max: number }): void {
    this.gauge({ name: 'hongyan_queue_depth', help: 'What waits in each queue', read: () => [[{ queue }, depth()]] });
    this.gauge({
      name: 'hongyan_queue_depth_max',
      help: 'The bound of each queue: what comes beyond it is refused as overloaded',
      read: () => [[{ queue }, max]],
    });
  }

  /** `names`: of these alone, because some readings begin anew when they are read, or cost a look at the disk. Absent: all. */
  async collect(names?: ReadonlySet<string>): Promise<readonly MetricFamily[]> {
    const wanted = [...this.#registered.values()].filter(({ name }) => names?.has(name) !== false);
    const late = new AbortController();
    const timer = this.#clock.after(readTimeoutMs, () => late.abort(new Error(`no value within ${readTimeoutMs} ms`)));
    const families = wanted.map(async ({ name, help, type, reads }): Promise<MetricFamily> => {
      // A disk that cannot be read, or a server that is away, is when the other metrics are needed most.
      const values = await Promise.all(reads.map((read) => read.value(late.signal)));
      return { name, help, type, aggregator: 'sum', values: values.flatMap((found) => found ?? []) };
    });
    const collected = await Promise.all(families);
    timer.cancel();
    return collected;
  }

  /** Several parts may add to one name, each with label values of its own. */
  #add(
    type: Kind,
    { name, help }: Pick<Reading<unknown>, 'name' | 'help'>,
    read: () => Promise<MetricFamily['values']>,
  ): void {
    assert(/^(hongyan|process|nodejs)_[a-z0-9_]+$/.test(name), 'a metric has a name of the server', name);
    const known = this.#registered.get(name) ?? { name, help, type, reads: [] };
    assert(known.type === type && known.help === help, 'a metric is described alike wherever it is added to', name);
    known.reads.push(new TimelyRead(name, read, this.#log));
    this.#registered.set(name, known);
  }
}

function valuesOf(found: Values, own: Labels): MetricFamily['values'] {
  const samples: Iterable<Sample> = typeof found === 'number' ? [[{}, found]] : found;
  return Array.from(samples, ([labels, value]) => ({ value, labels: { ...labels, ...own } }));
}

function bucketsOf(name: string, labels: Labels, histogram: Histogram): MetricFamily['values'] {
  const { bounds, sum } = histogram;
  const counts = histogram.cumulative();
  const count = counts.at(-1) ?? 0;
  return [
    ...counts.map((value, index) => ({
      value,
      labels: { ...labels, le: index < bounds.length ? String(bounds[index]) : '+Inf' },
      metricName: `${name}_bucket`,
    })),
    { value: sum, labels, metricName: `${name}_sum` },
    { value: count, labels, metricName: `${name}_count` },
  ];
}
