// What the writer thread of devices.db is asked, and what it answers.

import type { DeviceKey, Devices, DeviceTouch } from '../devices.ts';
import type { RegistrationBatch } from '../registration-batch.ts';

interface Answers {
  /**
   * Registrations are read and kept in the thread's memory, a part at a time, and after the last part stored slice by slice: other
   * writes come in between. The first part replaces what an earlier call left.
   */
  gather: {
    readonly ask: {
      readonly batches: readonly RegistrationBatch[];
      readonly isFirst: boolean;
      readonly isLast: boolean;
    };
    /** 0 before the last part. */
    readonly answer: { readonly sliceCount: number };
  };
  /** How many changed a record or made one. The last slice waits for the disk, and with it all slices before it. */
  store: { readonly ask: { readonly slice: number; readonly isLast: boolean }; readonly answer: number };
  bind: {
    readonly ask: Parameters<Devices['bind']>[0];
    readonly answer: Awaited<ReturnType<Devices['bind']>>;
  };
  unbind: { readonly ask: Parameters<Devices['unbind']>[0]; readonly answer: boolean };
  touch: { readonly ask: DeviceTouch; readonly answer: undefined };
  forget: {
    readonly ask: { readonly keys: readonly DeviceKey[]; readonly notSeenSinceMs: number };
    readonly answer: number;
  };
  delivered: { readonly ask: { readonly nos: readonly number[] }; readonly answer: undefined };
}

type OpType = keyof Answers;
export type AskOf<T extends OpType> = Answers[T]['ask'];
export type AnswerOf<T extends OpType> = Answers[T]['answer'];
export type DeviceOp = { [T in OpType]: { readonly type: T; readonly ask: AskOf<T> } }[OpType];
export type DeviceAnswer = AnswerOf<OpType>;

/** Touches are reported again by the next session; slices before the last one are made durable by it. */
export function isDurable(op: DeviceOp): boolean {
  return op.type === 'bind' || op.type === 'unbind' || (op.type === 'store' && op.ask.isLast);
}
