// Group commit: while the writer thread commits one batch, the next one collects. Each batch costs one fsync.

import { Batcher } from '@hongyan/base/batcher';
import { WriterThread, type WriterThreadOptions } from './writer-thread.ts';

export interface GroupCommitOptions extends WriterThreadOptions {
  /** The maximum number of waiting and committing ops. Submits beyond it reject with `overloaded`. */
  readonly queueMax: number;
  /** The maximum number of ops per transaction. A submitAll with more ops is still one transaction. */
  readonly batchMax: number;
  /** The maximum number of batches in flight. Default 1: the batches are larger, and so cheaper per op. */
  readonly inFlightMax?: number;
}

/**
 * A resolved submit is as durable as the store promises for its op. A rejected one stored nothing, unless its StoreFailure has the code
 * unknown_outcome: then only a read of the store shows the outcome.
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

  /** Resolves when the thread has opened its store. Rejects when it could not. */
  ready(): Promise<void> {
    return this.#thread.ready();
  }

  submit(op: Op): Promise<Result> {
    return this.#batcher.submit(op);
  }

  /** Applies all ops in this order in one transaction. Results in the same order. */
  submitAll(ops: readonly Op[]): Promise<readonly Result[]> {
    return this.#batcher.submitAll(ops);
  }

  /** Rejects new ops. Resolves when the accepted ones are committed. */
  drain(): Promise<void> {
    return this.#batcher.drain();
  }

  /** Commits the accepted ops, closes the store and ends the thread. */
  async close(): Promise<void> {
    await this.drain();
    await this.#thread.close();
  }
}
