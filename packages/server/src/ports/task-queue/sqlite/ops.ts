// The requests to the writer thread of tasks.db, and its results.

import type { Claim, ClaimedTask, DeadLetterChoice, NewTask, Settlement, TaskConsumer } from '../task-queue.ts';

/** The time of the caller, because a lease must be measured by a single clock. */
interface At {
  readonly nowMs: number;
}

interface Ops {
  /** undefined: the queue is at its bound, and no task was added. */
  add: {
    readonly value: { readonly tasks: readonly NewTask[] };
    readonly result: { readonly addedCount: number } | undefined;
  };
  claim: { readonly value: Parameters<TaskConsumer['claim']>[0]; readonly result: readonly ClaimedTask[] };
  renew: {
    readonly value: { readonly claims: readonly Claim[]; readonly leaseMs: number };
    readonly result: readonly boolean[];
  };
  settle: { readonly value: { readonly settlements: readonly Settlement[] }; readonly result: readonly boolean[] };
  replay: { readonly value: { readonly choice: DeadLetterChoice }; readonly result: number };
  discard: { readonly value: { readonly choice: DeadLetterChoice }; readonly result: number };
}

type OpType = keyof Ops;
export type ValueOf<T extends OpType> = Ops[T]['value'] & At;
export type ResultOf<T extends OpType> = Ops[T]['result'];
export type TaskOp = { [T in OpType]: { readonly type: T; readonly value: ValueOf<T> } }[OpType];
export type TaskResult = ResultOf<OpType>;

/** Claims and settlements are not durable: when a loss of power undoes one, the task is executed again, which is allowed. */
export const isDurable = ({ type }: TaskOp): boolean => type === 'add' || type === 'replay' || type === 'discard';
