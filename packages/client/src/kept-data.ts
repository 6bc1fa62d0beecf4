// What the storage kept of an earlier run, and the user and device it belongs to.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { toClientError } from './client-error.ts';
import type { ClientStorage, StoredMeta } from './client-storage.ts';
import type { SafeStorage } from './safe-storage.ts';
import { ownerOf } from './token.ts';

export interface KeptData {
  readonly userId: UserId;
  /** Of the user's tokens. */
  readonly subject: string;
  readonly deviceId: DeviceId;
  readonly kept: Kept;
}

type Kept = Awaited<ReturnType<ClientStorage['load']>>;

export interface KeptDataOptions {
  readonly token: () => Promise<string>;
  /** Whose the server says that a token is; undefined without an answer. */
  readonly askUser: (token: string) => Promise<UserId | undefined>;
  /** Absent: that of the storage, else a new id. */
  readonly deviceId: DeviceId | undefined;
  readonly newId: () => string;
}

const nothing: Kept = { meta: {}, outbox: [], conversations: [] };

/** While no other tab does: two that start at once are to be one device. Rejects when no token can be had and the storage names no user. */
export async function loadKept(storage: SafeStorage, options: KeptDataOptions): Promise<KeptData> {
  // A storage that cannot be read does not prevent a session: the device begins anew.
  const kept = (await storage.load()) ?? nothing;
  const owner = await ownerFor(options, kept.meta);
  const { userId, subject, meta } = owner;
  const deviceId = options.deviceId ?? kept.meta.deviceId ?? (options.newId() as DeviceId);
  const isSame = kept.meta.userId === userId;
  // [C8] Another user's outbox must never leave in this user's name: where it cannot be cleared, nothing is written either.
  const isWritten =
    (isSame && meta === kept.meta) ||
    (await storage.write(async (all) => {
      if (!isSame) await all.clear();
      await all.saveMeta({ deviceId, ...meta });
    }));
  if (isSame || isWritten) storage.ownedBy(userId);
  else storage.release();
  return { userId, subject, deviceId, kept: isSame ? kept : nothing };
}

interface Owner {
  readonly userId: UserId;
  readonly subject: string;
  /** What the storage records of it. */
  readonly meta: StoredMeta;
}

async function ownerFor({ token, askUser }: KeptDataOptions, meta: StoredMeta): Promise<Owner> {
  try {
    const text = await token();
    const { subject, userId } = ownerOf(text);
    if (userId !== undefined) return { userId, subject, meta: meta.userId === userId ? meta : { userId } };
    if (meta.userId !== undefined && meta.subject === subject) return { userId: meta.userId, subject, meta };
    const known = await askUser(text);
    if (known !== undefined) return { userId: known, subject, meta: { userId: known, subject } };
    // Until the server says otherwise, in its welcome.
    const guess = subject as UserId;
    return { userId: guess, subject, meta: meta.userId === guess ? meta : { userId: guess } };
  } catch (thrown) {
    // Without a token for the moment, as in a tunnel, the user of the kept data continues offline.
    if (meta.userId === undefined || !toClientError(thrown).isRetryable) throw thrown;
    return { userId: meta.userId, subject: meta.subject ?? meta.userId, meta };
  }
}
