// The reads and writes of accounts.

import type { UserId } from '@hongyan/protocol/ids';
import { insertNew } from '../../../adapters/mysql/insert-new.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { keysMax, pastPrefix, searchKeys, searchPrefix } from '../../../domain/fold.ts';
import type { NewUser, UserRecord, Users } from '../users.ts';
import { byRequestedId, keyOf } from './keys.ts';

export class UserRows implements Users {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  async getUsers(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, UserRecord>> {
    if (userIds.length === 0) return new Map();
    const keys = [...new Set(userIds.map(keyOf))];
    const rows = await this.#pool.read<UserRow>(`select ${columns} from user where user_key in (?)`, [keys]);
    return byRequestedId(userIds, new Map(rows.map((row) => [row.user_key, toUser(row)])));
  }

  async getPasswordHash(userId: UserId): Promise<string | undefined> {
    const sql = 'select password_hash from user where user_key = ?';
    const [row] = await this.#pool.read<{ readonly password_hash: string | null }>(sql, [keyOf(userId)]);
    return row?.password_hash ?? undefined;
  }

  async getTier(userId: UserId): Promise<string | undefined> {
    const sql = 'select tier from user where user_key = ?';
    const [row] = await this.#pool.read<{ readonly tier: string | null }>(sql, [keyOf(userId)]);
    return row?.tier ?? undefined;
  }

  /** Reads each index in its order and up to the limit, so that the cost does not depend on the number of matches. */
  async searchUsers({ query, limit }: Parameters<Users['searchUsers']>[0]): Promise<readonly UserRecord[]> {
    const prefix = searchPrefix(query);
    if (prefix === '' || limit <= 0) return [];
    const range = [prefix, pastPrefix(prefix)] as const;
    const byId = await this.#pool.read<UserRow>(searchSql.byId, [...range, limit]);
    if (byId.length >= limit) return byId.map(toUser);
    // A user has up to `keysMax` matching rows.
    const byWord = await this.#pool.read<UserRow>(searchSql.byWord, [...range, limit * keysMax, limit]);
    const matches = new Map([...byId, ...byWord].map((row) => [row.user_key, row]));
    return [...matches.values()].slice(0, limit).map(toUser);
  }

  async listUsers({ after, limit }: Parameters<Users['listUsers']>[0]): Promise<readonly UserRecord[]> {
    const sql = `select ${columns} from user where user_key > ? order by user_key limit ?`;
    const rows = await this.#pool.read<UserRow>(sql, [after === undefined ? '' : keyOf(after), limit]);
    return rows.map(toUser);
  }

  createUser({ userId, displayName, createdAtMs, passwordHash }: NewUser): Promise<boolean> {
    const key = keyOf(userId);
    return this.#pool.transaction(async (db) => {
      const isNew = await insertNew(db, {
        into: 'user (user_key, user_id, display_name, created_at, password_hash)',
        row: [key, userId, displayName, createdAtMs, passwordHash ?? null],
      });
      if (isNew) await addWords(db, key, displayName);
      return isNew;
    });
  }

  /** The words of the former name are found by splitting it again, because no index leads from a user to its words. */
  updateUser({ userId, displayName, isDisabled }: Parameters<Users['updateUser']>[0]): Promise<boolean> {
    const key = keyOf(userId);
    return this.#pool.transaction(async (db) => {
      const [row] = await db.rows<{ readonly display_name: string }>(
        'select display_name from user where user_key = ? for update',
        [key],
      );
      if (row === undefined) return false;
      await db.run(
        'update user set display_name = coalesce(?, display_name), is_disabled = coalesce(?, is_disabled) where user_key = ?',
        [displayName ?? null, isDisabled === undefined ? null : Number(isDisabled), key],
      );
      if (displayName === undefined || displayName === row.display_name) return true;
      const words = [...searchKeys(row.display_name)];
      if (words.length > 0) await db.run('delete from user_word where user_key = ? and word in (?)', [key, words]);
      await addWords(db, key, displayName);
      return true;
    });
  }

  setPasswordHash({ userId, passwordHash }: Parameters<Users['setPasswordHash']>[0]): Promise<boolean> {
    return this.#set(userId, { column: 'password_hash', value: passwordHash });
  }

  setTier({ userId, tier }: Parameters<Users['setTier']>[0]): Promise<boolean> {
    return this.#set(userId, { column: 'tier', value: tier ?? null });
  }

  async #set(
    userId: UserId,
    { column, value }: { readonly column: 'password_hash' | 'tier'; readonly value: string | null },
  ): Promise<boolean> {
    const key = keyOf(userId);
    if ((await this.#pool.write(`update user set ${column} = ? where user_key = ?`, [value, key])) > 0) return true;
    // No row changed: the values are equal, or the user does not exist. Users are never removed.
    return (await this.getUsers([userId])).size > 0;
  }
}

interface UserRow {
  readonly user_key: string;
  readonly user_id: UserId;
  readonly display_name: string;
  readonly created_at: number;
  readonly is_disabled: number;
}

const toUser = (row: UserRow): UserRecord => ({
  userId: row.user_id,
  displayName: row.display_name,
  createdAtMs: row.created_at,
  ...(row.is_disabled === 1 ? { isDisabled: true } : {}),
});

const columns = 'user_key, user_id, display_name, created_at, is_disabled';

/** Each query MUST use an index: only rows within the limit are sorted. */
export const searchSql = {
  byId: `select ${columns} from user where user_key >= ? and user_key < ? order by user_key limit ?`,
  byWord: `select u.user_key, u.user_id, u.display_name, u.created_at, u.is_disabled from
      (select user_key, min(word) as word from
        (select word, user_key from user_word where word >= ? and word < ? order by word, user_key limit ?) as words
        group by user_key order by word, user_key limit ?) as found
    join user as u on u.user_key = found.user_key order by found.word, u.user_key`,
} as const;

async function addWords(db: Statements, userKey: string, displayName: string): Promise<void> {
  const rows = searchKeys(displayName).map((word) => [word, userKey]);
  if (rows.length > 0) await db.run('insert into user_word (word, user_key) values ?', [rows]);
}
