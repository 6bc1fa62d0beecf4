// The requests to the writer thread of devices.db, and its results.

import type { DeviceKey, Devices, DeviceTouch } from '../devices.ts';
import type { RegistrationBatch } from '../registration-batch.ts';

interface Ops {
  /**
   * Registrations are parsed and kept in the thread's memory, one part at a time. After the last part they are stored slice by slice, with
   * other writes in between. The first part discards what an earlier call left.
   */
  gather: {
    readonly value: {
      readonly batches: readonly RegistrationBatch[];
      readonly isFirst: boolean;
      readonly isLast: boolean;
    };
    /** 0 before the last part. */
    readonly result: { readonly sliceCount: number };
  };
  /** The number of created or changed records. The last slice waits for the disk, and makes the slices before it durable too. */
  store: { readonly value: { readonly slice: number; readonly isLast: boolean }; readonly result: number };
  bind: {
    readonly value: Parameters<Devices['bind']>[0];
    readonly result: Awaited<ReturnType<Devices['bind']>>;
  };
  unbind: { readonly value: Parameters<Devices['unbind']>[0]; readonly result: boolean };
  touch: { readonly value: DeviceTouch; readonly result: undefined };
  forget: {
    readonly value: { readonly keys: readonly DeviceKey[]; readonly notSeenSinceMs: number };
    readonly result: number;
  };
  delivered: { readonly value: { readonly nos: readonly number[] }; readonly result: undefined };
}

type OpType = keyof Ops;
export type ValueOf<T extends OpType> = Ops[T]['value'];
export type ResultOf<T extends OpType> = Ops[T]['result'];
export type DeviceOp = { [T in OpType]: { readonly type: T; readonly value: ValueOf<T> } }[OpType];
export type DeviceResult = ResultOf<OpType>;

/** Touches are not durable, because the next session reports them again. Slices before the last one become durable with it. */
export function isDurable(op: DeviceOp): boolean {
  return op.type === 'bind' || op.type === 'unbind' || (op.type === 'store' && op.value.isLast);
}
