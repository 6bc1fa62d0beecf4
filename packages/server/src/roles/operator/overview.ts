// How the server is and how it was in the last quarter of an hour, in one answer: for the first page of the console, so that whoever is
// called at night sees what came before.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import type {
  OverviewAnswer,
  OverviewPoint,
  OverviewProcess,
  OverviewQueue,
} from '@hongyan/protocol/operator/overview';
import type { Metrics } from '../../metrics/metrics.ts';
import { type Between, grown, quantiles, Reading } from '../../metrics/reading.ts';
import { type HealthCheck, readinessOf } from './health.ts';
import { familiesOf } from './metrics-routes.ts';
import { namesOf, type Processes } from './processes.ts';
import type { OperatorRoute } from './route.ts';

const everyMs = 5_000;
/** A quarter of an hour; the oldest goes. */
const pointsMax = 180;

/** Read at each point, of all processes: few, and none that begins anew by being read. */
const followed = [
  'hongyan_connections',
  'hongyan_online_users',
  'hongyan_operations_total',
  'hongyan_operation_seconds',
  'hongyan_batch_size',
  'process_resident_memory_bytes',
  'process_cpu_seconds_total',
];
/** Read when someone looks. */
const asked = [
  ...followed,
  'hongyan_connections_max',
  'hongyan_queue_depth',
  'hongyan_queue_depth_max',
  'hongyan_store_bytes',
  'hongyan_disk_free_bytes',
  'hongyan_disk_bytes',
  'nodejs_eventloop_lag_p99_seconds',
];

export interface OverviewOptions {
  readonly metrics: Metrics;
  readonly processes: Processes;
  readonly checks: readonly HealthCheck[];
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** Another process follows how the server is, while false. Absent: this one does. */
  readonly isKeeper?: (() => boolean) | undefined;
}

interface Moment {
  readonly reading: Reading;
  readonly monotonicMs: number;
}

export class Overview {
  readonly #options: OverviewOptions;
  readonly #startedAtMs: number;
  readonly #points: OverviewPoint[] = [];
  #timer: Timer | undefined;
  #last: Moment | undefined;
  #lastButOne: Moment | undefined;
  #isReading = false;

  constructor(options: OverviewOptions) {
    const { clock } = options;
    this.#options = options;
    this.#startedAtMs = clock.nowMs();
  }

  start(): void {
    this.#timer = this.#options.clock.every(everyMs, () => void this.#follow());
    void this.#follow();
  }

  close(): void {
    this.#timer?.cancel();
  }

  route(): OperatorRoute {
    return { method: 'GET', path: '/admin/v1/overview', handle: async () => ok(await this.#now()) };
  }

  /** One at a time: a process that does not answer makes a point late, never two at once. */
  async #follow(): Promise<void> {
    if (this.#isReading) return;
    if (this.#options.isKeeper?.() === false) return this.#forget();
    this.#isReading = true;
    const { clock, log } = this.#options;
    try {
      const moment = await this.#read(followed);
      const since = this.#last;
      this.#lastButOne = since;
      this.#last = moment;
      if (since === undefined) return;
      const seconds = (moment.monotonicMs - since.monotonicMs) / 1000;
      this.#points.push(pointOf({ before: since.reading, now: moment.reading }, { at: clock.nowMs(), seconds }));
      if (this.#points.length > pointsMax) this.#points.shift();
    } catch (error) {
      log.error('failed to read the overview', { error });
    } finally {
      this.#isReading = false;
    }
  }

  /** Points with a hole would be read as a time without messages. */
  #forget(): void {
    this.#points.length = 0;
    this.#last = undefined;
    this.#lastButOne = undefined;
  }

  async #read(names: readonly string[]): Promise<Moment> {
    const reading = new Reading(await familiesOf(names, this.#options));
    return { reading, monotonicMs: this.#options.clock.monotonicMs() };
  }

  async #now(): Promise<OverviewAnswer> {
    const { checks, clock, version, processes } = this.#options;
    const [readiness, moment] = await Promise.all([readinessOf(checks, clock), this.#read(asked)]);
    const { reading } = moment;
    const own = { process: processes.own };
    return {
      ...readiness,
      version,
      started_at: this.#startedAtMs,
      connections_max: reading.sum('hongyan_connections_max'),
      disk: {
        stores: reading
          .values('hongyan_store_bytes')
          .map(({ labels, value }) => ({ store: String(labels.store), bytes: value })),
        // Processes of one machine have one disk.
        free_bytes: reading.sum('hongyan_disk_free_bytes', own),
        bytes: reading.sum('hongyan_disk_bytes', own),
      },
      processes: this.#processesIn(moment, namesOf(processes)),
      queues: queuesIn(reading),
      every_ms: everyMs,
      points: this.#points,
    };
  }

  #processesIn({ reading, monotonicMs }: Moment, names: readonly string[]): readonly OverviewProcess[] {
    // Right after a point there is no time since it to speak of.
    const isFresh = this.#last !== undefined && monotonicMs - this.#last.monotonicMs < 1_000;
    const last = isFresh ? this.#lastButOne : this.#last;
    return names.map((name) => {
      const own = { process: name };
      const memory = reading.values('process_resident_memory_bytes', own);
      const between = { before: last?.reading ?? reading, now: reading };
      const seconds = last === undefined ? 0 : (monotonicMs - last.monotonicMs) / 1000;
      return {
        name,
        is_up: memory.length > 0,
        takes_clients: reading.values('hongyan_connections_max', own).length > 0,
        connections: reading.sum('hongyan_connections', own),
        memory_bytes: memory[0]?.value ?? 0,
        cores: seconds === 0 ? null : grown(between, 'process_cpu_seconds_total', own) / seconds,
        loop_lag_ms: reading.sum('nodejs_eventloop_lag_p99_seconds', own) * 1000,
      };
    });
  }
}

function pointOf(between: Between, { at, seconds }: { readonly at: number; readonly seconds: number }): OverviewPoint {
  const { now } = between;
  const sends = { operation: 'send' };
  const [p50, p99] = quantiles(between, 'hongyan_operation_seconds', { shares: [0.5, 0.99], labels: sends });
  const commits = grown(between, 'hongyan_batch_size_count', { store: 'timeline' });
  const all = grown(between, 'hongyan_operations_total');
  return {
    at,
    connections: now.sum('hongyan_connections'),
    online_users: now.sum('hongyan_online_users'),
    messages_per_s: grown(between, 'hongyan_operations_total', { ...sends, result: 'ok' }) / seconds,
    refused_per_s: Math.max(0, all - grown(between, 'hongyan_operations_total', { result: 'ok' })) / seconds,
    ack_p50_ms: milliseconds(p50),
    ack_p99_ms: milliseconds(p99),
    entries_per_commit:
      commits === 0 ? null : grown(between, 'hongyan_batch_size_sum', { store: 'timeline' }) / commits,
    memory_bytes: now.sum('process_resident_memory_bytes'),
    cores: grown(between, 'process_cpu_seconds_total') / seconds,
  };
}

const milliseconds = (seconds: number | null | undefined): number | null =>
  seconds === null || seconds === undefined ? null : seconds * 1000;

function queuesIn(reading: Reading): readonly OverviewQueue[] {
  const names = new Set(reading.values('hongyan_queue_depth').map(({ labels }) => String(labels.queue)));
  return [...names].map((queue) => ({
    queue,
    depth: reading.sum('hongyan_queue_depth', { queue }),
    max: reading.sum('hongyan_queue_depth_max', { queue }),
  }));
}
