// The reads and writes of token uses.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { abandonable } from '../../../adapters/mysql/abandon.ts';
import { insertNew } from '../../../adapters/mysql/insert-new.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import type { Revocation } from '../../../domain/revocation.ts';
import { devicesPerTokenMax, type Revocations, type TokenUse, usesPerUserMax } from '../revocations.ts';

/** Ids that differ only in case are the same id. */
export const userKeyOf = (userId: UserId): string => userId.toLowerCase();

/** A hash, because issuers choose the length of token ids. */
export const tokenKeyOf = (tokenId: string): string => new Bun.CryptoHasher('sha256').update(tokenId).digest('hex');

export class TokenRows {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  async note({ tokenId, userId, deviceId, expiresAtMs }: TokenUse): Promise<void> {
    const [tokenKey, userKey] = [tokenKeyOf(tokenId), userKeyOf(userId)];
    const sql = 'select 1 from token_use where token_key = ? and user_key = ? and device_id = ?';
    if ((await this.#pool.read(sql, [tokenKey, userKey, deviceId])).length > 0) return;
    await abandonable<void>(this.#pool, async (db, abandon) => {
      // Locks the row of the token, so that concurrent writers that record a device of it wait.
      await db.run(
        'insert into token (token_key, user_key, devices, expires_at) values (?) on duplicate key update devices = devices + 1',
        [[tokenKey, userKey, 1, expiresAtMs]],
      );
      const [row] = await db.rows<{ readonly devices: number }>('select devices from token where token_key = ?', [
        tokenKey,
      ]);
      if (row === undefined || row.devices > devicesPerTokenMax) return abandon();
      const into = 'token_use (token_key, user_key, device_id, token_id, expires_at)';
      const isNew = await insertNew(db, { into, row: [tokenKey, userKey, deviceId, tokenId, expiresAtMs] });
      if (!isNew) abandon();
      await forgetBeyondBound(db, userKey);
    });
  }

  async signedIn({ userId, nowMs }: Parameters<Revocations['signedIn']>[0]): Promise<readonly DeviceId[]> {
    const sql = 'select distinct device_id from token_use where user_key = ? and expires_at > ?';
    const rows = await this.#pool.read<{ readonly device_id: DeviceId }>(sql, [userKeyOf(userId), nowMs]);
    return rows.map((row) => row.device_id);
  }

  async tokensOf({ userId, deviceId }: Parameters<Revocations['tokensOf']>[0]): Promise<readonly TokenUse[]> {
    const rows = await this.#pool.read<{ readonly token_id: string; readonly expires_at: number }>(
      'select token_id, expires_at from token_use where user_key = ? and device_id = ?',
      [userKeyOf(userId), deviceId],
    );
    return rows.map((row) => ({ tokenId: row.token_id, userId, deviceId, expiresAtMs: row.expires_at }));
  }

  async devicesOf(tokenId: string): Promise<readonly DeviceId[]> {
    const sql = 'select device_id from token_use where token_key = ?';
    const rows = await this.#pool.read<{ readonly device_id: DeviceId }>(sql, [tokenKeyOf(tokenId)]);
    return rows.map((row) => row.device_id);
  }

  /** Returns the number of deleted uses. */
  forget({ nowMs, limit }: Parameters<Revocations['forgetExpired']>[0]): Promise<number> {
    return this.#pool.transaction(async (db) => {
      await db.run('delete from token where expires_at <= ? order by expires_at limit ?', [nowMs, limit]);
      return db.run('delete from token_use where expires_at <= ? order by expires_at limit ?', [nowMs, limit]);
    });
  }
}

/** Deletes the use that expires first when the user has too many. */
async function forgetBeyondBound(db: Statements, userKey: string): Promise<void> {
  const counting = 'select count(*) as count from token_use where user_key = ?';
  const [row] = await db.rows<{ readonly count: number }>(counting, [userKey]);
  if (row === undefined || row.count <= usesPerUserMax) return;
  const [first] = await db.rows<{ readonly token_key: string; readonly device_id: string }>(
    'select token_key, device_id from token_use where user_key = ? order by expires_at limit 1',
    [userKey],
  );
  if (first === undefined) return;
  const sql = 'delete from token_use where token_key = ? and user_key = ? and device_id = ?';
  const count = await db.run(sql, [first.token_key, userKey, first.device_id]);
  if (count > 0) await db.run('update token set devices = devices - 1 where token_key = ?', [first.token_key]);
}

/** Deletes the uses of revoked tokens. */
export async function dropUses(db: Statements, revocations: readonly Revocation[]): Promise<void> {
  const tokens = revocations.flatMap((one) => (one.type === 'token' ? [tokenKeyOf(one.tokenId)] : [])).sort();
  const users = revocations.flatMap((one) => (one.type === 'user' ? [userKeyOf(one.userId)] : [])).sort();
  for (const table of ['token', 'token_use']) {
    if (tokens.length > 0) await db.run(`delete from ${table} where token_key in (?)`, [tokens]);
    if (users.length > 0) await db.run(`delete from ${table} where user_key in (?)`, [users]);
  }
}
