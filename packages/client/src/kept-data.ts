// What the storage kept of an earlier run, and the user and device it belongs to.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { toClientError } from './client-error.ts';
import type { ClientStorage } from './client-storage.ts';
import type { SafeStorage } from './safe-storage.ts';
import { userIdOf } from './token.ts';

export interface KeptData {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly kept: Kept;
}

type Kept = Awaited<ReturnType<ClientStorage['load']>>;

export interface KeptDataOptions {
  readonly token: () => Promise<string>;
  /** Absent: that of the storage, else a new id. */
  readonly deviceId: DeviceId | undefined;
  readonly newId: () => string;
}

const nothing: Kept = { meta: {}, outbox: [], conversations: [] };

/** While no other tab does: two that start at once are to be one device. Rejects when no token can be had and the storage names no user. */
export async function loadKept(storage: SafeStorage, options: KeptDataOptions): Promise<KeptData> {
  // A storage that cannot be read does not prevent a session: the device begins anew.
  const kept = (await storage.load()) ?? nothing;
  const userId = await userOf(options.token, kept.meta.userId);
  const deviceId = options.deviceId ?? kept.meta.deviceId ?? (options.newId() as DeviceId);
  if (kept.meta.userId === userId) {
    storage.ownedBy(userId);
    return { userId, deviceId, kept };
  }
  // [C8] Another user's outbox must never leave in this user's name: where it cannot be cleared, nothing is written either.
  const isCleared = await storage.write(async (all) => {
    await all.clear();
    await all.saveMeta({ deviceId, userId });
  });
  if (isCleared) storage.ownedBy(userId);
  else storage.release();
  return { userId, deviceId, kept: nothing };
}

/** Without a token for the moment, as in a tunnel, the user of the kept data continues offline. */
async function userOf(token: () => Promise<string>, keptUserId: UserId | undefined): Promise<UserId> {
  try {
    return userIdOf(await token());
  } catch (thrown) {
    if (keptUserId === undefined || !toClientError(thrown).isRetryable) throw thrown;
    return keptUserId;
  }
}
