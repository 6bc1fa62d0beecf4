// What a store's writer reports: how much it commits at once, how long that takes, how much of it is the fsync, how much waits.

import { Histogram, latencyBoundsS, sizeBounds } from './histogram.ts';
import type { Metrics } from './metrics.ts';

interface Failure {
  readonly error: unknown;
  /** On the monotonic clock. */
  readonly atMs: number;
}

export class StoreMeter {
  readonly batchSize = new Histogram(sizeBounds);
  /** Handed to the writer's thread until its answer is here. */
  readonly commitSeconds = new Histogram(latencyBoundsS);
  /** The transaction's COMMIT alone: writing the log and, where the store promises it, the fsync. */
  readonly fsyncSeconds = new Histogram(latencyBoundsS);
  #failures = 0;
  #lastFailure: Failure | undefined;
  /** Of the writer that was opened last: one that could not be opened is followed by another. */
  #depth: (() => number) | undefined;
  readonly #metrics: Metrics;
  readonly #store: string;

  constructor(metrics: Metrics, store: string) {
    this.#metrics = metrics;
    this.#store = store;
    const of =
      <T>(read: () => T) =>
      () =>
        [[{ store }, read()]] as const;
    metrics.histogram({
      name: 'hongyan_batch_size',
      help: 'What one commit of the store holds: entries of the timeline, writes of the others',
      read: of(() => this.batchSize),
    });
    metrics.histogram({
      name: 'hongyan_commit_seconds',
      help: 'One commit: from the event loop to the thread of the store and back',
      read: of(() => this.commitSeconds),
    });
    metrics.histogram({
      name: 'hongyan_fsync_seconds',
      help: 'The COMMIT of one transaction: writing the log and the fsync',
      read: of(() => this.fsyncSeconds),
    });
    metrics.counter({
      name: 'hongyan_commit_failures_total',
      help: 'Commits that failed: a full disk, a broken one',
      read: of(() => this.#failures),
    });
  }

  get lastFailure(): Failure | undefined {
    return this.#lastFailure;
  }

  failed(failure: Failure): void {
    this.#failures++;
    this.#lastFailure = failure;
  }

  /** What waits for the writer. */
  queue(depth: () => number, max: number): void {
    if (this.#depth === undefined) this.#metrics.queue(this.#store, { depth: () => this.#depth?.() ?? 0, max });
    this.#depth = depth;
  }

  /** [M11] Of a store behind a pool of connections. */
  connections(pool: PoolReadings): void {
    registerConnections(this.#metrics, this.#store, pool);
  }
}

/** [M11] How many connections are in use, how long and how many wait for one. */
export function registerConnections(metrics: Metrics, store: string, pool: PoolReadings): void {
  metrics.gauge({
    name: 'hongyan_connections_in_use',
    help: 'Connections of this process to the database of a store that work',
    read: () => [[{ store }, pool.connectionsInUse]],
  });
  metrics.histogram({
    name: 'hongyan_connection_wait_seconds',
    help: 'From asking the pool of a store for a connection to having one',
    read: () => [[{ store }, pool.waitSeconds]],
  });
  metrics.queue(`${store}_connections`, { depth: () => pool.waiting, max: pool.limits.waitersMax });
}

export interface PoolReadings {
  readonly connectionsInUse: number;
  readonly waiting: number;
  readonly waitSeconds: Histogram;
  readonly limits: { readonly waitersMax: number };
}
