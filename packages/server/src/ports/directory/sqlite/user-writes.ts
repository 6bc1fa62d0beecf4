// Writes of accounts.

import type { Database } from 'bun:sqlite';
import { searchKeys } from '../../../domain/fold.ts';
import type { ValueOf } from './ops.ts';

export class UserWrites {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  create({ userId, displayName, createdAtMs, passwordHash }: ValueOf<'createUser'>): boolean {
    const row = this.#statements.create.get(userId, displayName, createdAtMs, passwordHash ?? null);
    if (row === null) return false;
    for (const word of searchKeys(displayName)) this.#statements.addWord.run(word, row.no);
    return true;
  }

  /** The words of the former name are found by splitting it again, because no index leads from a user to its words. */
  update({ userId, displayName, isDisabled }: ValueOf<'updateUser'>): boolean {
    const row = this.#statements.named.get(userId);
    if (row === null) return false;
    if (isDisabled !== undefined) this.#statements.setDisabled.run(isDisabled ? 1 : 0, row.no);
    if (displayName === undefined || displayName === row.display_name) return true;
    for (const word of searchKeys(row.display_name)) this.#statements.removeWord.run(word, row.no);
    for (const word of searchKeys(displayName)) this.#statements.addWord.run(word, row.no);
    this.#statements.setName.run(displayName, row.no);
    return true;
  }

  setPasswordHash({ userId, passwordHash }: ValueOf<'setPasswordHash'>): boolean {
    return this.#statements.setPasswordHash.run(passwordHash, userId).changes > 0;
  }

  setTier({ userId, tier }: ValueOf<'setTier'>): boolean {
    return this.#statements.setTier.run(tier ?? null, userId).changes > 0;
  }
}

function prepare(db: Database) {
  return {
    // An id that only memberships mention becomes an account, spelled as the account.
    create: db.prepare<{ no: number }, [string, string, number, string | null]>(
      `INSERT INTO user(id, display_name, created_at, password_hash) VALUES(?, ?, ?, ?)
       ON CONFLICT(id) DO UPDATE SET id = excluded.id, display_name = excluded.display_name,
         created_at = excluded.created_at, password_hash = excluded.password_hash
       WHERE created_at IS NULL
       RETURNING no`,
    ),
    addWord: db.prepare<unknown, [string, number]>('INSERT INTO user_word(word, user_no) VALUES(?, ?)'),
    named: db.prepare<{ no: number; display_name: string }, [string]>(
      'SELECT no, display_name FROM user WHERE id = ? AND created_at IS NOT NULL',
    ),
    removeWord: db.prepare<unknown, [string, number]>('DELETE FROM user_word WHERE word = ? AND user_no = ?'),
    setName: db.prepare<unknown, [string, number]>('UPDATE user SET display_name = ? WHERE no = ?'),
    setDisabled: db.prepare<unknown, [number, number]>('UPDATE user SET is_disabled = ? WHERE no = ?'),
    setPasswordHash: db.prepare<unknown, [string, string]>(
      'UPDATE user SET password_hash = ? WHERE id = ? AND created_at IS NOT NULL',
    ),
    setTier: db.prepare<unknown, [string | null, string]>(
      'UPDATE user SET tier = ? WHERE id = ? AND created_at IS NOT NULL',
    ),
  };
}
