// The worker's side of a group commit: one transaction, and so one fsync at most, for each batch that arrives.

import { assert, unreachable } from '@hongyan/base/assert';
import { systemClock, type Timer } from '@hongyan/base/clock';
import { CpuSampler } from '../../profiles/cpu-sampler.ts';
import { heapClasses } from '../../profiles/heap-classes.ts';
import { failureOf } from './failure.ts';
import type { FromWorker, ProfileAnswer, ProfileRequest, ToWorker } from './group-commit-protocol.ts';

/** A store as its worker sees it. A throw of `begin`, `apply` or `commit` undoes the whole batch. */
export interface BatchStore<Op, Result> {
  /** Usually BEGIN IMMEDIATE. Receives the ops of the batch, which decide how durable its commit must be. */
  begin(ops: readonly Op[]): void;
  /** Sees the ops applied before it, in this batch and earlier. */
  apply(op: Op): Result;
  /** MUST return only when the batch is as durable as the store promises for its ops. */
  commit(): void;
  /** MUST also forget what memory learned from the batch; MUST NOT mind that SQLite rolled back by itself already. */
  rollback(): void;
  /**
   * A piece of work that can wait, of about a millisecond: called after the opening, when a batch was answered, once a minute and, as
   * long as it returns true, again every few milliseconds, so that it leaves the processor to those who wait. A throw is a bug and ends
   * the thread.
   */
  upkeep?(): boolean;
  close(): void;
}

/** Call it once, at the top of a *.worker.ts module. */
export function serveGroupCommit<Op, Result>(open: (init: unknown) => BatchStore<Op, Result>): void {
  const server = new GroupCommitServer<Op, Result>(open);
  self.onmessage = ({ data }: MessageEvent<ToWorker<Op> | string>) => {
    if (typeof data !== 'string') return server.receive(data);
    server.receive(JSON.parse(data), { asJson: true });
  };
}

/** Between two pieces of upkeep. */
const upkeepPauseMs = 10;
/** For what is due at a time of its own, while no batch comes. */
const upkeepEveryMs = 60_000;

class GroupCommitServer<Op, Result> {
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
        assert(this.#store, 'init comes before the first batch');
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
    // A rollback that throws leaves an undefined state: it ends the thread, and the main side rejects everything.
    store.rollback();
    return { type: 'failed', failure: failureOf(error) };
  }
}

/** The worker's global scope; the DOM library types `self` as a window. */
declare const self: {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
};
