// What a worker is configured with: the kinds of task, their handlers, and the retry rules.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { ClaimedTask, TaskConsumer } from '../../ports/task-queue/task-queue.ts';

/** One kind of task and its handler. */
export interface Work {
  readonly kind: string;
  /**
   * MUST resolve only when what the tasks ask for is as durable as it should be, and MUST NOT mind a task that was done before.
   * Rejects with StoreFailure when the environment failed: the tasks are tried again without end. With GivenUp when no further
   * attempt would help. Any other rejection is a failure of one of the tasks: each is then tried alone.
   */
  readonly handle: (tasks: readonly ClaimedTask[]) => Promise<void>;
  /** Tasks handed to one call. */
  readonly batchMax: number;
  /** Of their payloads, in bytes. */
  readonly payloadMax: number;
  /** A call begins so long after the one before, so that more tasks share it; the first after a pause begins at once. Default 0. */
  readonly minIntervalMs?: number;
  /** Calls under way at the same time. */
  readonly atOnceMax: number;
}

/** No further attempt would help: the task becomes a dead letter at once. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
}

export interface WorkerOptions {
  readonly queue: TaskConsumer;
  readonly works: readonly Work[];
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly retry: RetryOptions;
}

export interface RetryOptions {
  /** An unsettled task is claimed again after this time; its worker renews the claim every third of it. */
  readonly leaseMs: number;
  /** A task with this many failures becomes a dead letter. */
  readonly failuresMax: number;
  /** Delays are drawn from 0 to this, doubled with each failure. */
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
}
