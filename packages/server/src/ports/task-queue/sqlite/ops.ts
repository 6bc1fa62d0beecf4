// What the writer thread of tasks.db is asked, and what it answers.

import type { Claim, ClaimedTask, DeadLetterChoice, NewTask, Settlement, TaskConsumer } from '../task-queue.ts';

/** The caller's clock: a lease is measured by one clock alone. */
interface At {
  readonly nowMs: number;
}

interface Answers {
  /** undefined: the queue is at its bound, and none was added. */
  add: {
    readonly ask: { readonly tasks: readonly NewTask[] };
    readonly answer: { readonly addedCount: number } | undefined;
  };
  claim: { readonly ask: Parameters<TaskConsumer['claim']>[0]; readonly answer: readonly ClaimedTask[] };
  renew: {
    readonly ask: { readonly claims: readonly Claim[]; readonly leaseMs: number };
    readonly answer: readonly boolean[];
  };
  settle: { readonly ask: { readonly settlements: readonly Settlement[] }; readonly answer: readonly boolean[] };
  replay: { readonly ask: { readonly choice: DeadLetterChoice }; readonly answer: number };
  discard: { readonly ask: { readonly choice: DeadLetterChoice }; readonly answer: number };
}

type OpType = keyof Answers;
export type AskOf<T extends OpType> = Answers[T]['ask'] & At;
export type AnswerOf<T extends OpType> = Answers[T]['answer'];
export type TaskOp = { [T in OpType]: { readonly type: T; readonly ask: AskOf<T> } }[OpType];
export type TaskAnswer = AnswerOf<OpType>;

/** A claim or a settlement that is lost with the power makes its task be done once more, which is allowed. */
export const isDurable = ({ type }: TaskOp): boolean => type === 'add' || type === 'replay' || type === 'discard';
