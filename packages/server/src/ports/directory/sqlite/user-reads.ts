// Reads of accounts. Many keys are one statement over a JSON array, because each statement acquires a lock.

import type { Database } from 'bun:sqlite';
import type { UserId } from '@hongyan/protocol/ids';
import { pastPrefix, searchPrefix } from '../../../domain/fold.ts';
import type { UserRecord } from '../users.ts';

export class UserReads {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  users(userIds: readonly UserId[]): ReadonlyMap<UserId, UserRecord> {
    const rows = this.#statements.users.all(JSON.stringify(userIds));
    return new Map(rows.map((row) => [row.asked, toUser(row)]));
  }

  passwordHash(userId: UserId): string | undefined {
    return this.#statements.passwordHash.get(userId)?.password_hash ?? undefined;
  }

  tier(userId: UserId): string | undefined {
    return this.#statements.tier.get(userId)?.tier ?? undefined;
  }

  /** Reads each index in its order and up to the limit, so that the cost does not depend on the number of matches. */
  search({ query, limit }: { readonly query: string; readonly limit: number }): readonly UserRecord[] {
    const prefix = searchPrefix(query);
    if (prefix === '' || limit <= 0) return [];
    const range = [prefix, pastPrefix(prefix)] as const;
    const matches = new Map<UserId, UserRecord>();
    for (const row of this.#statements.byId.iterate(...range, limit)) matches.set(row.id, toUser(row));
    if (matches.size >= limit) return [...matches.values()];
    // A name may match by several of its words, and by its id.
    for (const row of this.#statements.byWord.iterate(...range)) {
      if (!matches.has(row.id)) matches.set(row.id, toUser(row));
      if (matches.size >= limit) break;
    }
    return [...matches.values()];
  }

  list({ after, limit }: { readonly after?: UserId; readonly limit: number }): readonly UserRecord[] {
    return this.#statements.list.all(after ?? '', limit).map(toUser);
  }
}

/** The requested id. The stored one may differ in case. */
interface Asked {
  readonly asked: UserId;
}
interface UserRow {
  readonly id: UserId;
  readonly display_name: string;
  readonly created_at: number;
  readonly is_disabled: number;
}

const toUser = (row: UserRow): UserRecord => ({
  userId: row.id,
  displayName: row.display_name,
  createdAtMs: row.created_at,
  ...(row.is_disabled === 1 ? { isDisabled: true } : {}),
});

const columns = 'id, display_name, created_at, is_disabled';
const isAccount = 'created_at IS NOT NULL';

/** Each query MUST use an index, without sorting. */
export const searchSql = {
  byId: `SELECT ${columns} FROM user WHERE id >= ? AND id < ? AND ${isAccount} ORDER BY id LIMIT ?`,
  byWord: `SELECT u.id, u.display_name, u.created_at, u.is_disabled FROM user_word w CROSS JOIN user u ON u.no = w.user_no
    WHERE w.word >= ? AND w.word < ? ORDER BY w.word, w.user_no`,
} as const;

function prepare(db: Database) {
  return {
    users: db.prepare<UserRow & Asked, [string]>(
      `SELECT asked.value AS asked, user.id, display_name, created_at, is_disabled
       FROM json_each(?) AS asked CROSS JOIN user ON user.id = asked.value WHERE ${isAccount}`,
    ),
    passwordHash: db.prepare<{ password_hash: string | null }, [string]>(
      `SELECT password_hash FROM user WHERE id = ? AND ${isAccount}`,
    ),
    tier: db.prepare<{ tier: string | null }, [string]>('SELECT tier FROM user WHERE id = ?'),
    byId: db.prepare<UserRow, [string, string, number]>(searchSql.byId),
    byWord: db.prepare<UserRow, [string, string]>(searchSql.byWord),
    list: db.prepare<UserRow, [string, number]>(
      `SELECT ${columns} FROM user WHERE id > ? AND ${isAccount} ORDER BY id LIMIT ?`,
    ),
  };
}
