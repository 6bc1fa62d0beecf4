// The writes of the directory as messages to the writer thread.

import type { DirectoryWrite, SoleDirectory } from '../directory.ts';

export type SoleWrite = DirectoryWrite | 'moveSentThrough';

type OpOf<W extends SoleWrite> = { readonly type: W; readonly value: Parameters<SoleDirectory[W]>[0] };

export type DirectoryOp = { [W in SoleWrite]: OpOf<W> }[SoleWrite];
export type ValueOf<W extends SoleWrite> = OpOf<W>['value'];
/** The result of the write. */
export type ResultOf<W extends SoleWrite> = Awaited<ReturnType<SoleDirectory[W]>>;
export type DirectoryResult = ResultOf<SoleWrite>;

/** false for receipts: a loss of power may undo them, because devices report them again. A batch with any other op waits for the disk. */
export function isDurable({ type }: DirectoryOp): boolean {
  return type !== 'advanceReceipts' && type !== 'advanceSent' && type !== 'moveSentThrough';
}
