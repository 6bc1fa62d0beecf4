// The writes of the access store as they travel to the writer thread.

import type { Access, AccessWrite } from '../access.ts';

type OpOf<W extends AccessWrite> = { readonly type: W; readonly value: Parameters<Access[W]>[0] };

export type AccessOp = { [W in AccessWrite]: OpOf<W> }[AccessWrite];
export type ValueOf<W extends AccessWrite> = OpOf<W>['value'];
/** What the write resolves with. */
export type ResultOf<W extends AccessWrite> = Awaited<ReturnType<Access[W]>>;
export type AccessResult = ResultOf<AccessWrite>;

/** Relaxed: may be lost with the power. */
export const isDurable = ({ type }: AccessOp): boolean =>
  type !== 'touchKey' && type !== 'recordUse' && type !== 'forgetExpired';
