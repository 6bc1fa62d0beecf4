// The writes of the directory as they travel to the writer thread.

import type { DirectoryWrite, SoleDirectory } from '../directory.ts';

export type SoleWrite = DirectoryWrite | 'moveSentThrough';

type OpOf<W extends SoleWrite> = { readonly type: W; readonly value: Parameters<SoleDirectory[W]>[0] };

export type DirectoryOp = { [W in SoleWrite]: OpOf<W> }[SoleWrite];
export type ValueOf<W extends SoleWrite> = OpOf<W>['value'];
/** What the write resolves with. */
export type ResultOf<W extends SoleWrite> = Awaited<ReturnType<SoleDirectory[W]>>;
export type DirectoryResult = ResultOf<SoleWrite>;

/** Relaxed: may be lost with the power, because devices report it again. A batch with any other op waits for the disk. */
export function isDurable({ type }: DirectoryOp): boolean {
  return type !== 'advanceReceipts' && type !== 'advanceSent' && type !== 'moveSentThrough';
}
