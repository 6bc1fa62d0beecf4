// The private states of users: the reads, and the one write on the writer thread.

import type { Database } from 'bun:sqlite';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { RemovedRows } from '../../../adapters/sqlite/removed-rows.ts';
import type { PrivateRow, PrivateStates, PrivateTotals } from '../private-states.ts';
import type { Numbers } from './numbers.ts';
import type { ValueOf } from './ops.ts';

export class PrivateReads {
  readonly #statements: ReturnType<typeof prepareReads>;

  constructor(db: Database) {
    this.#statements = prepareReads(db);
  }

  totals(userId: UserId): PrivateTotals {
    return this.#statements.totals.get(userId) ?? nothing;
  }

  rows({ userId, keys }: Parameters<PrivateStates['privateRows']>[0]): readonly (PrivateRow | undefined)[] {
    const found = new Map(this.#statements.rows.all(userId, JSON.stringify(keys)).map((row) => [row.key, row]));
    return keys.map((key) => found.get(key));
  }

  page({ userId, after = '', limit }: Parameters<PrivateStates['privatePage']>[0]): readonly PrivateRow[] {
    return this.#statements.page.all(userId, after, limit);
  }
}

export class PrivateWrites {
  readonly #numbers: Numbers;
  readonly #removed: RemovedRows;
  readonly #statements: ReturnType<typeof prepareWrites>;

  constructor(db: Database, numbers: Numbers, removed: RemovedRows) {
    this.#numbers = numbers;
    this.#removed = removed;
    this.#statements = prepareWrites(db);
  }

  put({ userId, afterSeq, asOfSeq, rows, reads }: ValueOf<'putPrivate'>): boolean {
    const userNo = this.#numbers.giveUser(userId);
    const before = this.#statements.totals.get(userNo) ?? nothing;
    if (before.asOfSeq !== afterSeq) return false;
    let { keys, bytes } = before;
    for (const { key, seq, json } of rows) {
      const removed = this.#statements.remove.get(userNo, key);
      if (removed) {
        // [E5] A draft that was sent may be a message that is recalled later.
        this.#removed.add();
        keys -= 1;
        bytes -= removed.bytes;
      }
      if (json === undefined) continue;
      keys += 1;
      bytes += Buffer.byteLength(key) + Buffer.byteLength(json);
      this.#statements.insert.run(userNo, key, seq, json);
    }
    for (const { conversationId, sentSeq, atMs } of reads) {
      const conversationNo = this.#numbers.ofConversation(conversationId);
      if (conversationNo !== undefined) this.#statements.read.run(sentSeq, atMs, conversationNo, userNo, sentSeq);
    }
    this.#statements.putTotals.run(userNo, asOfSeq, keys, bytes);
    return true;
  }
}

const nothing: PrivateTotals = { asOfSeq: 0 as Seq, keys: 0, bytes: 0 };

function prepareReads(db: Database) {
  const ofUser = 'user_no = (SELECT no FROM user WHERE id = ?)';
  return {
    totals: db.prepare<PrivateTotals, [string]>(
      `SELECT as_of_seq AS asOfSeq, key_count AS keys, bytes FROM private_total WHERE ${ofUser}`,
    ),
    rows: db.prepare<PrivateRow, [string, string]>(
      `SELECT key, seq, json FROM private_row WHERE ${ofUser} AND key IN (SELECT value FROM json_each(?))`,
    ),
    page: db.prepare<PrivateRow, [string, string, number]>(
      `SELECT key, seq, json FROM private_row WHERE ${ofUser} AND key > ? ORDER BY key LIMIT ?`,
    ),
  };
}

function prepareWrites(db: Database) {
  return {
    totals: db.prepare<PrivateTotals, [number]>(
      'SELECT as_of_seq AS asOfSeq, key_count AS keys, bytes FROM private_total WHERE user_no = ?',
    ),
    putTotals: db.prepare<unknown, [number, number, number, number]>(
      'INSERT OR REPLACE INTO private_total(user_no, as_of_seq, key_count, bytes) VALUES(?, ?, ?, ?)',
    ),
    remove: db.prepare<{ bytes: number }, [number, string]>(
      `DELETE FROM private_row WHERE user_no = ? AND key = ?
       RETURNING octet_length(key) + octet_length(json) AS bytes`,
    ),
    insert: db.prepare<unknown, [number, string, number, string]>(
      'INSERT INTO private_row(user_no, key, seq, json) VALUES(?, ?, ?, ?)',
    ),
    read: db.prepare<unknown, [number, number, number, number, number]>(
      `UPDATE member SET sent_seq = ?, updated_at = max(updated_at, ?)
       WHERE conversation_no = ? AND user_no = ? AND sent_seq < ?`,
    ),
  };
}
