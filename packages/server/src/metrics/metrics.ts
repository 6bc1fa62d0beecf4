// What this process reports about itself. The code that works keeps plain numbers; they are read here when someone asks for them, so
// that counting costs an addition. Labels are few and bounded: never a user, a device, a conversation or an address.

import { assert } from '@hongyan/base/assert';
import { type Log, silentLog } from '@hongyan/base/log';
import type { Histogram } from './histogram.ts';

export type Labels = Readonly<Record<string, string | number>>;
export type Sample = readonly [labels: Labels, value: number];

export interface Reading<T> {
  /** hongyan_<noun>_<unit>, and _total at the end of a counter. */
  readonly name: string;
  /** One sentence; docs/operating/metrics.md says more. */
  readonly help: string;
  /** Called at each scrape; it must not block. When it fails, the scrape goes without its samples. */
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
  readonly reads: ((own: Labels) => Promise<MetricFamily['values']>)[];
}

export class Metrics {
  readonly #own: Labels;
  readonly #log: Log;
  readonly #registered = new Map<string, Registered>();

  /** `process` is a label of every sample. */
  constructor({ process, log = silentLog }: { readonly process: string; readonly log?: Log }) {
    this.#own = { process };
    this.#log = log;
  }

  /** Only grows while the process lives. */
  counter(reading: Reading<Values>): void {
    assert(reading.name.endsWith('_total'), 'the name of a counter ends in _total', reading.name);
    this.#add('counter', reading, async (own) => valuesOf(await reading.read(), own));
  }

  gauge(reading: Reading<Values>): void {
    this.#add('gauge', reading, async (own) => valuesOf(await reading.read(), own));
  }

  histogram(reading: Reading<Histograms>): void {
    const { name, read } = reading;
    this.#add('histogram', reading, async (own) => {
      const found = await read();
      const each = Symbol.iterator in found ? [...found] : [[{}, found] as const];
      return each.flatMap(([labels, histogram]) => bucketsOf(name, { ...labels, ...own }, histogram));
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
  collect(names?: ReadonlySet<string>): Promise<readonly MetricFamily[]> {
    const wanted = [...this.#registered.values()].filter(({ name }) => names?.has(name) !== false);
    const families = wanted.map(async ({ name, help, type, reads }): Promise<MetricFamily> => {
      const values = await Promise.all(reads.map((read) => this.#valuesOf(name, read)));
      return { name, help, type, aggregator: 'sum', values: values.flat() };
    });
    return Promise.all(families);
  }

  /** A disk that cannot be read is when the other metrics are needed most. */
  async #valuesOf(name: string, read: Registered['reads'][number]): Promise<MetricFamily['values']> {
    try {
      return await read(this.#own);
    } catch (error) {
      this.#log.error('metric not read: it is left out of this scrape', { metric: name, error });
      return [];
    }
  }

  /** Several parts may add to one name, each with label values of its own. */
  #add(type: Kind, { name, help }: Pick<Reading<unknown>, 'name' | 'help'>, read: Registered['reads'][number]): void {
    assert(/^(hongyan|process|nodejs)_[a-z0-9_]+$/.test(name), 'a metric has a name of the server', name);
    const known = this.#registered.get(name) ?? { name, help, type, reads: [] };
    assert(known.type === type && known.help === help, 'a metric is described alike wherever it is added to', name);
    known.reads.push(read);
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
