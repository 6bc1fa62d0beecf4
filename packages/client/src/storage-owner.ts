// Whose the data of a storage is: a client of another account may have taken it meanwhile.

import type { UserId } from '@hongyan/protocol/ids';
import type { StoredMeta } from './client-storage.ts';

/** Whether a call of `owner` may touch it; a call of nobody may. */
export const isOwnedBy = (meta: StoredMeta | undefined, owner: UserId | undefined): boolean =>
  owner === undefined || meta?.userId === owner;

/** [C8] Throws where it may not. */
export function checkOwner(meta: StoredMeta | undefined, owner: UserId | undefined): void {
  if (!isOwnedBy(meta, owner)) throw new Error('the storage is of another user now');
}
