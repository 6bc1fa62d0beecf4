// The private states of users: the reads and the one write.

import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import type { PrivateRow, PrivateStates, PrivateTotals, PrivateUpdate } from '../private-states.ts';
import type { FencedWrites } from './fenced-writes.ts';
import { keyOf } from './keys.ts';
import { raiseSent } from './receipt-rows.ts';

export class PrivateRows {
  readonly #pool: MysqlPool;
  readonly #writes: FencedWrites;

  constructor(pool: MysqlPool, writes: FencedWrites) {
    this.#pool = pool;
    this.#writes = writes;
  }

  async totals(userId: UserId): Promise<PrivateTotals> {
    const [row] = await this.#pool.read<PrivateTotals>(`${totalsSql} where user_key = ?`, [keyOf(userId)]);
    return row ?? nothing;
  }

  async rows({
    userId,
    keys,
  }: Parameters<PrivateStates['privateRows']>[0]): Promise<readonly (PrivateRow | undefined)[]> {
    if (keys.length === 0) return [];
    const rows = await this.#pool.read<PrivateRow>(`${rowsSql} where user_key = ? and row_key in (?)`, [
      keyOf(userId),
      [...new Set(keys)],
    ]);
    const byKey = new Map(rows.map((row) => [row.key, row]));
    return keys.map((key) => byKey.get(key));
  }

  page({ userId, after = '', limit }: Parameters<PrivateStates['privatePage']>[0]): Promise<readonly PrivateRow[]> {
    const sql = `${rowsSql} where user_key = ? and row_key > ? order by row_key limit ?`;
    return this.#pool.read<PrivateRow>(sql, [keyOf(userId), after, limit]);
  }

  /**
   * Locks the row of the totals first. Of two concurrent updates, the second one finds that the entries are applied already. So it needs no
   * fence.
   */
  put({ userId, afterSeq, asOfSeq, rows, reads }: PrivateUpdate): Promise<boolean> {
    const userKey = keyOf(userId);
    return this.#writes.transaction(undefined, async (db) => {
      await db.run(
        'insert into private_total (user_key, as_of_seq, key_count, bytes) values (?) on duplicate key update as_of_seq = as_of_seq',
        [[userKey, 0, 0, 0]],
      );
      const [before = nothing] = await db.rows<PrivateTotals>(`${totalsSql} where user_key = ? for update`, [userKey]);
      if (before.asOfSeq !== afterSeq) return false;
      const change = await this.#putRows(db, userKey, newest(rows));
      if (reads.length > 0) await raiseSent(db, reads);
      await db.run('update private_total set as_of_seq = ?, key_count = ?, bytes = ? where user_key = ?', [
        asOfSeq,
        before.keys + change.keys,
        before.bytes + change.bytes,
        userKey,
      ]);
      return true;
    });
  }

  /** Returns the change of the totals. */
  async #putRows(db: Statements, userKey: string, rows: readonly NewRow[]): Promise<{ keys: number; bytes: number }> {
    if (rows.length === 0) return { keys: 0, bytes: 0 };
    const keys = rows.map(({ key }) => key);
    const before = await db.rows<{ readonly bytes: number }>(
      'select octet_length(row_key) + octet_length(json) as bytes from private_row where user_key = ? and row_key in (?)',
      [userKey, keys],
    );
    const set = rows.flatMap(({ key, seq, json }) => (json === undefined ? [] : [[userKey, key, seq, json] as const]));
    const removed = rows.flatMap(({ key, json }) => (json === undefined ? [key] : []));
    if (removed.length > 0)
      await db.run('delete from private_row where user_key = ? and row_key in (?)', [userKey, removed]);
    await this.#writes.insert(db, {
      into: 'private_row (user_key, row_key, seq, json)',
      rows: set,
      onDuplicate: 'on duplicate key update seq = values(seq), json = values(json)',
    });
    const bytes = set.reduce((sum, [, key, , json]) => sum + Buffer.byteLength(key) + Buffer.byteLength(json), 0);
    return {
      keys: set.length - before.length,
      bytes: bytes - before.reduce((sum, row) => sum + row.bytes, 0),
    };
  }
}

type NewRow = PrivateUpdate['rows'][number];

const nothing: PrivateTotals = { asOfSeq: 0 as Seq, keys: 0, bytes: 0 };

const totalsSql = 'select as_of_seq as asOfSeq, key_count as `keys`, bytes from private_total';
const rowsSql = 'select convert(row_key using utf8mb4) as `key`, seq, json from private_row';

/** When a key is set twice, the last value applies. */
const newest = (rows: readonly NewRow[]): readonly NewRow[] => [...new Map(rows.map((row) => [row.key, row])).values()];
