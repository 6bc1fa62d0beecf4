// The writes of the directory as they travel to the writer thread.

import type { Directory, DirectoryWrite } from '../directory.ts';

type OpOf<W extends DirectoryWrite> = { readonly type: W; readonly value: Parameters<Directory[W]>[0] };

export type DirectoryOp = { [W in DirectoryWrite]: OpOf<W> }[DirectoryWrite];
export type ValueOf<W extends DirectoryWrite> = OpOf<W>['value'];
/** What the write resolves with. */
export type ResultOf<W extends DirectoryWrite> = Awaited<ReturnType<Directory[W]>>;
export type DirectoryResult = ResultOf<DirectoryWrite>;

/** Relaxed: may be lost with the power, because devices report it again. A batch with any other op waits for the disk. */
export function isDurable({ type }: DirectoryOp): boolean {
  return type !== 'advanceReceipts' && type !== 'advanceSent';
}
