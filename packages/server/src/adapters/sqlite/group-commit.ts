// Group commit: while one batch commits on a worker thread, the next one collects; each batch costs one fsync.

import { Batcher } from '@hongyan/base/batcher';
import { WriterThread, type WriterThreadOptions } from './writer-thread.ts';

export interface GroupCommitOptions extends WriterThreadOptions {
  /** Ops waiting or committing; a submit that would pass it rejects with `overloaded`. */
  readonly queueMax: number;
  /** Ops of one transaction. The ops of one submitAll stay in one transaction, even when they are more. */
  readonly batchMax: number;
  /** Batches handed to the thread at the same time. Default 1: the batches are larger, and so cheaper per op. */
  readonly inFlightMax?: number;
}

/**
 * A resolved submit is as durable as the store promises for its op. A rejected one stored nothing, unless its StoreFailure says
 * unknown_outcome: then the outcome is unknown until the store is read again.
 */
export class GroupCommit<Op, Result> {
  readonly #thread: WriterThread<Op, Result>;
  readonly #batcher: Batcher<Op, Result>;

  constructor({ queueMax, batchMax, inFlightMax = 1, ...threadOptions }: GroupCommitOptions) {
    const { meter } = threadOptions;
    const thread = new WriterThread<Op, Result>(threadOptions);
    this.#thread = thread;
    this.#batcher = new Batcher({
      itemsMax: queueMax,
      batchMax,
      inFlightMax,
      handle(ops) {
        meter?.batchSize.observe(ops.length);
        return thread.commit(ops);
      },
    });
    meter?.queue(() => this.#batcher.depth, queueMax);
  }

  /** Resolves when the worker has opened its store; rejects when it could not. */
  ready(): Promise<void> {
    return this.#thread.ready();
  }

  submit(op: Op): Promise<Result> {
    return this.#batcher.submit(op);
  }

  /** All ops in one transaction, applied one after the other in this order; results in the same order. */
  submitAll(ops: readonly Op[]): Promise<readonly Result[]> {
    return this.#batcher.submitAll(ops);
  }

  /** Refuses new ops, and resolves when what was accepted is committed. */
  drain(): Promise<void> {
    return this.#batcher.drain();
  }

  /** Commits what was accepted, closes the store, ends the thread. */
  async close(): Promise<void> {
    await this.drain();
    await this.#thread.close();
  }
}
