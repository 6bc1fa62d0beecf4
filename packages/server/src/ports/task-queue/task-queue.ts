// The task-queue port: work that was accepted and is done later, each task by one worker of those that compete for it.

import type { Brand } from '@hongyan/base/brand';

/** Of one task, never given twice; opaque to everyone but its queue. */
export type TaskId = Brand<string, 'TaskId'>;

export interface NewTask {
  /** Which workers take it: "devices.register". */
  readonly kind: string;
  /** What the workers of its kind read; many items of work in one task cost one row. */
  readonly payload: string;
  /**
   * A second task of the same kind and key is not handed out while the first one is waiting, under way or dead: it is not added, or
   * dropped when it is found. A task that is done has forgotten its key: that its effect is not repeated either is up to its handler.
   */
  readonly key?: string;
  /** Not to be claimed before; default 0. */
  readonly delayMs?: number;
}

/** A claim: only who holds it may renew or settle the task. It ends with its lease; the next claim is another one. */
export interface Claim {
  readonly taskId: TaskId;
  /** Which claim of the task it is: 1, 2, 3 … */
  readonly attempt: number;
}

export interface ClaimedTask extends Claim {
  readonly kind: string;
  readonly payload: string;
  /** How often it has failed before this claim. A claim whose lease ran out counts: its worker may have died of the task. */
  readonly failureCount: number;
  readonly addedAtMs: number;
}

/** How an attempt ended. */
export type Outcome =
  | { readonly type: 'done' }
  /** To be claimed again after the delay. `countsAsFailure` false: nothing is wrong with the task, what it needs is not there. */
  | { readonly type: 'retry'; readonly delayMs: number; readonly countsAsFailure: boolean }
  /** Given up: kept among the dead letters with its error. */
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

/** One that comes from another queue, and keeps its id. */
export interface MovedLetter extends DeadLetter {
  readonly key?: string;
}

export interface KindCounts {
  readonly kind: string;
  /** To be claimed now. */
  readonly ready: number;
  /** Waiting for their time. */
  readonly delayed: number;
  readonly claimed: number;
  readonly dead: number;
}

/** Which dead letters: these, or all of a kind. */
export type DeadLetterChoice = { readonly taskIds: readonly TaskId[] } | { readonly kind: string };

export interface TaskProducer {
  /**
   * MUST resolve only when all tasks are durable: they survive kill -9 of every process and loss of power. All or none of one
   * call are added, as far as they have one kind and no keys. Rejects with StoreFailure: `overloaded` when the queue is at its bound,
   * `unknown_outcome` when they may have been added. Resolves with how many were added; some of them MAY be dropped for their key.
   */
  add(tasks: readonly NewTask[]): Promise<{ readonly addedCount: number }>;
}

export interface TaskConsumer {
  /**
   * MUST hand each task to one claim at a time, for `leaseMs`; a claim that is neither settled nor renewed by then ends, and the
   * task is claimed again: at least once. It MAY end before, where its queue is closed or cut off from the others. MUST hand out alone
   * what failed before: it may end its process, and then takes no other with it. MAY hand tasks out in any order; of one kind those
   * that waited longest come first, as far as that is known. May resolve with none.
   */
  claim(request: {
    readonly kind: string;
    /** Tasks at most. */
    readonly limit: number;
    /** Of payloads, in bytes: at least one task is handed out, and further ones up to this. */
    readonly payloadMax: number;
    readonly leaseMs: number;
  }): Promise<readonly ClaimedTask[]>;
  /** Leases from now on. Of each claim, whether it still stood; one that has ended stays so. */
  renew(request: { readonly claims: readonly Claim[]; readonly leaseMs: number }): Promise<readonly boolean[]>;
  /**
   * Of each, whether the claim still stood; otherwise nothing is changed. A settlement MAY be lost with the power, and with the
   * process while a task that was handed out before it is under way: then the task is claimed again.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]>;
  /** Resolves when a task of the kind may be there to be claimed, at once if so, or when `signal` aborts. Never rejects. */
  ready(kind: string, signal: AbortSignal): Promise<void>;
}

export interface DeadLetters {
  /** Newest first, before `before` (exclusive), of one kind or of all. */
  deadLetters(request: {
    readonly kind?: string;
    readonly before?: TaskId;
    readonly limit: number;
  }): Promise<readonly DeadLetter[]>;
  /** To be claimed again as if new, with no failure counted; resolves with how many there were. Durable, as an add is. */
  replay(choice: DeadLetterChoice): Promise<number>;
  /** Removed for good; resolves with how many there were. */
  discard(choice: DeadLetterChoice): Promise<number>;
}

/**
 * No order over everything, and no exactly once: handlers MUST make a repeated task have no repeated effect.
 * MUST refuse tasks beyond its bound of waiting ones, as far as it knows: what others added in the last second it MAY not. MUST keep a
 * bounded number of dead letters: of more, the oldest go.
 */
export interface TaskQueue extends TaskProducer, TaskConsumer, DeadLetters {
  /** By kind, of kinds that have any. MAY be some seconds old, and count what is done behind a task that is not as claimed. */
  counts(): Promise<readonly KindCounts[]>;
  /** Stores what was accepted. Later calls reject, `ready` resolves. Closing again is harmless. */
  close(): Promise<void>;
}
