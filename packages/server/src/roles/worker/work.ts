// What workers are given: the kinds of task, who does them, and how often a task is tried.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { ClaimedTask, TaskConsumer } from '../../ports/task-queue/task-queue.ts';

/** One kind of task, and who does it. */
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
  /** A task that nobody settles is claimed again after this; its worker renews it at a third of it. */
  readonly leaseMs: number;
  /** After so many failures a task is a dead letter. */
  readonly failuresMax: number;
  /** Delays are drawn from 0 to this, doubled with each failure. */
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
}
