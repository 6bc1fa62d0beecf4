// The worker side of a WriterThread: executes each batch as one transaction, with at most one fsync.

import { assert, unreachable } from '@hongyan/base/assert';
import { systemClock, type Timer } from '@hongyan/base/clock';
import { CpuSampler } from '../../profiles/cpu-sampler.ts';
import { heapClasses } from '../../profiles/heap-classes.ts';
import { failureOf } from './failure.ts';
import type { FromWorker, ProfileAnswer, ProfileRequest, ToWorker } from './writer-thread-protocol.ts';

/** The store of a worker. When `begin`, `apply` or `commit` throws, the whole batch is rolled back. */
export interface BatchStore<Op, Result> {
  /** Usually BEGIN IMMEDIATE. Receives the ops of the batch, which decide the durability of its commit. */
  begin(ops: readonly Op[]): void;
  /** Sees the effects of the ops before it, in this batch and in earlier ones. */
  apply(op: Op): Result;
  /** MUST return only when the batch is as durable as the store promises for its ops. */
  commit(): void;
  /** MUST also revert the in-memory state of the store. MUST accept that SQLite has rolled back already. */
  rollback(): void;
  /**
   * One step of background work, of about a millisecond. Called after the store was opened, after each batch and once a minute. While it
   * returns true, it is called again every few milliseconds, so that batches run in between. A throw is a bug and ends the thread.
   */
  upkeep?(): boolean;
  close(): void;
}

/** Call it once, at the top of a *.worker.ts module. */
export function serveWriterThread<Op, Result>(open: (init: unknown) => BatchStore<Op, Result>): void {
  const server = new WriterThreadServer<Op, Result>(open);
  self.onmessage = ({ data }: MessageEvent<ToWorker<Op> | string>) => {
    if (typeof data !== 'string') return server.receive(data);
    server.receive(JSON.parse(data), { asJson: true });
  };
}

/** Between two pieces of upkeep. */
const upkeepPauseMs = 10;
/** Runs upkeep that is due at a certain time, such as the end of a month, while no batch arrives. */
const upkeepEveryMs = 60_000;

class WriterThreadServer<Op, Result> {
  readonly #open: (init: unknown) => BatchStore<Op, Result>;
  #store: BatchStore<Op, Result> | undefined;
  readonly #sampler = new CpuSampler();
  #isUpkeepScheduled = false;
  #everyMinute: Timer | undefined;

  constructor(open: (init: unknown) => BatchStore<Op, Result>) {
    this.#open = open;
  }

  receive(message: ToWorker<Op>, { asJson }: { readonly asJson: boolean } = { asJson: false }): void {
    switch (message.type) {
      case 'init':
        this.#answer(this.#init(message.init));
        this.#everyMinute = systemClock.every(upkeepEveryMs, () => this.#scheduleUpkeep());
        return this.#scheduleUpkeep();
      case 'batch':
        assert(this.#store, 'init precedes the first batch');
        this.#answer(commitBatch(this.#store, message.ops), { asJson });
        return this.#scheduleUpkeep();
      case 'start_cpu':
      case 'stop_cpu':
      case 'heap':
        void this.#profile(message).then((answer) => this.#answer({ type: 'profile', answer }));
        return;
      case 'close':
        this.#everyMinute?.cancel();
        this.#store?.close();
        this.#store = undefined;
        return this.#answer({ type: 'closed' });
      default:
        return unreachable(message);
    }
  }

  #init(init: unknown): FromWorker<Result> {
    try {
      this.#store = this.#open(init);
      return { type: 'ready' };
    } catch (error) {
      return { type: 'open_failed', failure: failureOf(error) };
    }
  }

  #scheduleUpkeep(): void {
    if (this.#store?.upkeep === undefined || this.#isUpkeepScheduled) return;
    this.#isUpkeepScheduled = true;
    systemClock.after(upkeepPauseMs, () => {
      this.#isUpkeepScheduled = false;
      if (this.#store?.upkeep?.()) this.#scheduleUpkeep();
    });
  }

  async #profile(request: ProfileRequest): Promise<ProfileAnswer> {
    try {
      switch (request.type) {
        case 'start_cpu':
          await this.#sampler.start();
          return { type: 'started' };
        case 'stop_cpu':
          return { type: 'cpu', profile: await this.#sampler.stop() };
        case 'heap':
          return { type: 'heap', classes: heapClasses(request) };
        default:
          return unreachable(request);
      }
    } catch (error) {
      return { type: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  }

  #answer(message: FromWorker<Result>, { asJson }: { readonly asJson: boolean } = { asJson: false }): void {
    self.postMessage(asJson ? JSON.stringify(message) : message);
  }
}

function commitBatch<Op, Result>(store: BatchStore<Op, Result>, ops: readonly Op[]): FromWorker<Result> {
  try {
    const startedMs = systemClock.nowMs();
    store.begin(ops);
    const results = ops.map((op) => store.apply(op));
    const commitsMs = systemClock.monotonicMs();
    store.commit();
    const commitMs = systemClock.monotonicMs() - commitsMs;
    return { type: 'committed', results, commitMs, startedMs, endedMs: systemClock.nowMs() };
  } catch (error) {
    // When rollback throws, the state is undefined. The throw ends the thread, and the main thread rejects all batches.
    store.rollback();
    return { type: 'failed', failure: failureOf(error) };
  }
}

/** The worker's global scope; the DOM library types `self` as a window. */
declare const self: {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
};
