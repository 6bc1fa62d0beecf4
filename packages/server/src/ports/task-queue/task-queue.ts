// The task-queue port: durable tasks that are executed later. Workers compete, and one worker at a time holds a task.

import type { Brand } from '@hongyan/base/brand';

/** Unique per task. Opaque to all but its queue. */
export type TaskId = Brand<string, 'TaskId'>;

export interface NewTask {
  /** Selects the handler, for example "devices.register". */
  readonly kind: string;
  /** The input of the handler. A task with many items costs as much as a task with one. */
  readonly payload: string;
  /**
   * Deduplicates tasks: while a task of the same kind and key is waiting, claimed or dead, a second one MUST NOT be handed out. It is
   * not added, or it is dropped later. A task that is done releases its key, so handlers must tolerate a repeat of its effect.
   */
  readonly key?: string;
  /** The task becomes ready after this delay. Default 0. */
  readonly delayMs?: number;
}

/** The right to renew and to settle a task. It ends with its lease. The next claim of the task has a higher attempt. */
export interface Claim {
  readonly taskId: TaskId;
  /** Numbers the claims of the task: 1, 2, 3 … */
  readonly attempt: number;
}

export interface ClaimedTask extends Claim {
  readonly kind: string;
  readonly payload: string;
  /** The number of failures before this claim. An expired lease counts as a failure, because the task may have crashed its worker. */
  readonly failureCount: number;
  readonly addedAtMs: number;
}

/** How an attempt ended. */
export type Outcome =
  | { readonly type: 'done' }
  /** The task becomes ready again after the delay. `countsAsFailure` is false when a dependency of the task is unavailable. */
  | { readonly type: 'retry'; readonly delayMs: number; readonly countsAsFailure: boolean }
  /** The task becomes a dead letter with this error. */
  | { readonly type: 'dead'; readonly error: string };

export interface Settlement {
  readonly claim: Claim;
  readonly outcome: Outcome;
}

export interface DeadLetter {
  readonly taskId: TaskId;
  readonly kind: string;
  readonly payload: string;
  readonly error: string;
  readonly failureCount: number;
  readonly addedAtMs: number;
  readonly diedAtMs: number;
}

/** A dead letter that is moved from another queue. It keeps its id. */
export interface MovedLetter extends DeadLetter {
  readonly key?: string;
}

export interface KindCounts {
  readonly kind: string;
  /** Can be claimed now. */
  readonly ready: number;
  /** Their delay has not passed. */
  readonly delayed: number;
  readonly claimed: number;
  readonly dead: number;
}

/** Selects dead letters by their ids, or all of a kind. */
export type DeadLetterChoice = { readonly taskIds: readonly TaskId[] } | { readonly kind: string };

export interface TaskProducer {
  /**
   * MUST resolve only when all tasks are durable: they survive kill -9 of every process and a loss of power. Tasks of one call that
   * have the same kind and no keys are added atomically. Rejects with StoreFailure: `overloaded` when the queue is at its bound,
   * `unknown_outcome` when the tasks may have been added. Callers retry. Resolves with the number of added tasks, of which some MAY be
   * dropped later because of their keys.
   */
  add(tasks: readonly NewTask[]): Promise<{ readonly addedCount: number }>;
}

export interface TaskConsumer {
  /**
   * Claims tasks for `leaseMs`. A task MUST have at most one claim at a time. A claim that is neither settled nor renewed in time
   * ends, and the task is claimed again, so execution is at least once. A claim MAY end earlier when its queue is closed or is cut off
   * from the other processes.
   *
   * A task that failed before MUST be handed out alone, because it may crash its process. Otherwise the order is not guaranteed:
   * of one kind, the longest waiting tasks come first as far as the adapter knows. MAY resolve with no task.
   */
  claim(request: {
    readonly kind: string;
    /** The maximum number of tasks. */
    readonly limit: number;
    /** The maximum size of the payloads, in bytes. One task is handed out even when it is larger. */
    readonly payloadMax: number;
    readonly leaseMs: number;
  }): Promise<readonly ClaimedTask[]>;
  /** Extends claims to `leaseMs` from now. Returns for each whether it was valid. A claim that has ended stays ended. */
  renew(request: { readonly claims: readonly Claim[]; readonly leaseMs: number }): Promise<readonly boolean[]>;
  /**
   * Ends claims with their outcomes. Returns for each settlement whether its claim was valid; otherwise it changed nothing. A loss of
   * power MAY undo a settlement. So may the end of the process while a task that was handed out earlier is in flight. The task is then
   * claimed again.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]>;
  /** Resolves when a task of the kind may be ready, which may be at once, or when `signal` aborts. Never rejects. */
  ready(kind: string, signal: AbortSignal): Promise<void>;
}

export interface DeadLetters {
  /** Newest first, before `before` (exclusive), of one kind or of all kinds. */
  deadLetters(request: {
    readonly kind?: string;
    readonly before?: TaskId;
    readonly limit: number;
  }): Promise<readonly DeadLetter[]>;
  /** Turns the dead letters into tasks again, with a failure count of 0. Durable, like `add`. Resolves with their number. */
  replay(choice: DeadLetterChoice): Promise<number>;
  /** Deletes the dead letters. Resolves with their number. */
  discard(choice: DeadLetterChoice): Promise<number>;
}

/**
 * Delivery: at least once and without a total order. Handlers MUST be idempotent.
 *
 * Retries: the queue hands a task out again only after a `retry` outcome or the end of its claim. The worker decides when a task is dead.
 *
 * Bounds: MUST reject tasks beyond its maximum of waiting tasks. It MAY miss tasks that other processes added within the last second.
 * The number of dead letters MUST be bounded: the oldest are deleted first.
 */
export interface TaskQueue extends TaskProducer, TaskConsumer, DeadLetters {
  /**
   * The counts of the kinds that have tasks. They MAY be some seconds old. A done task MAY count as claimed until the tasks before it
   * are done.
   */
  counts(): Promise<readonly KindCounts[]>;
  /** Stores the accepted tasks. Later calls reject, and `ready` resolves. Idempotent. */
  close(): Promise<void>;
}
