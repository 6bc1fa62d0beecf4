// The writes of the access store as messages to the writer thread.

import type { Access, AccessWrite } from '../access.ts';

type OpOf<W extends AccessWrite> = { readonly type: W; readonly value: Parameters<Access[W]>[0] };

export type AccessOp = { [W in AccessWrite]: OpOf<W> }[AccessWrite];
export type ValueOf<W extends AccessWrite> = OpOf<W>['value'];
/** The result of the write. */
export type ResultOf<W extends AccessWrite> = Awaited<ReturnType<Access[W]>>;
export type AccessResult = ResultOf<AccessWrite>;

/** false: a loss of power may undo the write. */
export const isDurable = ({ type }: AccessOp): boolean =>
  type !== 'touchKey' && type !== 'recordUse' && type !== 'forgetExpired';
