// The reads and writes of positions. These are the most frequent writes.

import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import { insertRows } from '../../../adapters/mysql/insert.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import type { DeviceKey } from '../../devices/devices.ts';
import type { MemberKey } from '../conversations.ts';
import type { DeviceReceipt, ReceiptAdvance, ReceiptResult, Receipts, SentAdvance } from '../receipts.ts';
import { byKeys, byRequestedId, keyOf, memberKeyOf, sortedKeys } from './keys.ts';

export class ReceiptRows {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  async ofDevices({
    conversationId,
    userIds,
  }: Parameters<Receipts['deviceReceipts']>[0]): Promise<ReadonlyMap<UserId, readonly DeviceReceipt[]>> {
    if (userIds.length === 0) return new Map();
    const keys = [...new Set(userIds.map(keyOf))];
    const sql = `${receiptsSql} where r.conversation_key = ? and r.user_key in (?)`;
    const byUser = new Map<string, DeviceReceipt[]>();
    for (const row of await this.#pool.read<ReceiptRow>(sql, [keyOf(conversationId), keys])) {
      const before = byUser.get(row.user_key);
      if (before === undefined) byUser.set(row.user_key, [toReceipt(row)]);
      else before.push(toReceipt(row));
    }
    return byRequestedId(userIds, byUser);
  }

  async ofDevice({
    userId,
    deviceId,
    conversationIds,
  }: Parameters<Receipts['receiptsOfDevice']>[0]): Promise<ReadonlyMap<ConversationId, DeviceReceipt>> {
    if (conversationIds.length === 0) return new Map();
    const keys = [...new Set(conversationIds.map(keyOf))];
    const sql = `${receiptsSql} where r.conversation_key in (?) and r.user_key = ? and r.device_id = ?`;
    const rows = await this.#pool.read<ReceiptRow>(sql, [keys, keyOf(userId), deviceId]);
    return byRequestedId(conversationIds, new Map(rows.map((row) => [row.conversation_key, toReceipt(row)])));
  }

  async count({ conversationId, seq, except }: Parameters<Receipts['countReceipts']>[0]): Promise<{
    readonly delivered: number;
    readonly read: number;
  }> {
    const [row] = await this.#pool.read<{ readonly delivered: number; readonly seen: number }>(
      `select count(case when delivered_seq >= ? then 1 end) as delivered, count(case when read_seq >= ? then 1 end) as seen
       from member where conversation_key = ? and user_key <> ?`,
      [seq, seq, keyOf(conversationId), keyOf(except)],
    );
    return { delivered: row?.delivered ?? 0, read: row?.seen ?? 0 };
  }

  /**
   * [D7] First locks the rows of the members in key order, which shows who is a member and which positions move. Then one statement per
   * table raises the positions. Concurrent batches wait for each other without deadlocks.
   */
  async advance(batch: readonly ReceiptAdvance[]): Promise<readonly ReceiptResult[]> {
    if (batch.length === 0) return [];
    return this.#pool.transaction(async (db) => {
      const positions = new Positions(await db.rows<PositionRow>(lockSql, [sortedKeys(batch)]));
      const results = batch.map((advance) => positions.advance(advance));
      const { members, devices } = positions.moved();
      await Promise.all([
        insertRows(db, { ...membersUpsert, rows: members }, this.#pool.statementBytesMax),
        insertRows(db, { ...devicesUpsert, rows: devices }, this.#pool.statementBytesMax),
      ]);
      return results;
    });
  }

  async advanceSent(batch: readonly SentAdvance[]): Promise<void> {
    if (batch.length > 0) await this.#pool.transaction((db) => raiseSent(db, batch));
  }

  async forget(devices: readonly DeviceKey[]): Promise<void> {
    if (devices.length === 0) return;
    const keys = devices.map(({ userId, deviceId }) => [keyOf(userId), deviceId]);
    await this.#pool.write('delete r from receipt r force index (by_device) where (r.user_key, r.device_id) in (?)', [
      keys,
    ]);
  }
}

/** Raises sentSeq of the users who are members, and sets updated_at of those that moved. Locks the rows in key order. */
export async function raiseSent(
  db: Statements,
  advances: readonly (SentAdvance & { readonly atMs?: number })[],
): Promise<void> {
  const furthest = new Map<string, readonly [conversationKey: string, userKey: string, seq: number, atMs: number]>();
  for (const advance of advances) {
    const [seq, atMs] = [advance.sentSeq, advance.atMs ?? 0];
    const [, , beforeSeq, beforeMs] = furthest.get(memberKeyOf(advance)) ?? ['', '', 0, 0];
    // Without a move, updated_at does not change either.
    if (seq <= beforeSeq) continue;
    const place = [keyOf(advance.conversationId), keyOf(advance.userId)] as const;
    furthest.set(memberKeyOf(advance), [...place, seq, Math.max(beforeMs, atMs)]);
  }
  const rows = [...furthest.values()].sort(byKeys);
  if (rows.length === 0) return;
  const wanted = 'select ? as conversation_key, ? as user_key, ? as seq, ? as at_ms';
  await db.run(
    `update (${rows.map(() => wanted).join(' union all ')}) as wanted
     straight_join member as m on m.conversation_key = wanted.conversation_key and m.user_key = wanted.user_key
     set m.sent_seq = wanted.seq, m.updated_at = greatest(m.updated_at, wanted.at_ms) where m.sent_seq < wanted.seq`,
    rows.flat(),
  );
}

/** The locked rows of a batch, with their new positions. */
class Positions {
  readonly #members: Map<string, PositionRow>;
  readonly #moved = new Map<string, PositionRow>();
  readonly #devices = new Map<string, DeviceRow>();

  constructor(rows: readonly PositionRow[]) {
    this.#members = new Map(rows.map((row) => [`${row.conversation_key} ${row.user_key}`, row]));
  }

  advance(advance: ReceiptAdvance): ReceiptResult {
    const { conversationId, userId, deviceId, readSeq, atMs } = advance;
    const key = memberKeyOf(advance);
    const before = this.#members.get(key);
    if (before === undefined)
      return resultOf({ conversationId, userId }, { delivered_seq: none, read_seq: none }, false);
    const deliveredSeq = Math.max(advance.deliveredSeq, readSeq) as Seq;
    this.#raiseDevice(before, { deviceId, deliveredSeq, readSeq });
    const after: PositionRow = {
      ...before,
      delivered_seq: Math.max(before.delivered_seq, deliveredSeq) as Seq,
      read_seq: Math.max(before.read_seq, readSeq) as Seq,
      // The user's other devices find a moved read position by updated_at.
      updated_at: readSeq > before.read_seq ? Math.max(before.updated_at, atMs) : before.updated_at,
    };
    const hasMoved = after.delivered_seq > before.delivered_seq || after.read_seq > before.read_seq;
    if (hasMoved) {
      this.#members.set(key, after);
      this.#moved.set(key, after);
    }
    return resultOf({ conversationId, userId }, after, hasMoved);
  }

  /** The rows to write, in key order. */
  moved(): { readonly members: readonly MemberValues[]; readonly devices: readonly DeviceValues[] } {
    const members = [...this.#moved.values()].map(
      (row) => [row.conversation_key, row.user_key, row.delivered_seq, row.read_seq, row.updated_at] as const,
    );
    const devices = [...this.#devices.values()].map(
      (row) => [row.conversation_key, row.user_key, row.device_id, row.delivered_seq, row.read_seq] as const,
    );
    return { members: members.sort(byKeys), devices: devices.sort(byKeys) };
  }

  #raiseDevice(
    { conversation_key, user_key }: PositionRow,
    { deviceId, deliveredSeq, readSeq }: Pick<DeviceReceipt, 'deviceId' | 'deliveredSeq' | 'readSeq'>,
  ): void {
    const key = `${conversation_key} ${user_key} ${deviceId}`;
    const before = this.#devices.get(key);
    this.#devices.set(key, {
      ...{ conversation_key, user_key, device_id: deviceId },
      delivered_seq: Math.max(before?.delivered_seq ?? 0, deliveredSeq) as Seq,
      read_seq: Math.max(before?.read_seq ?? 0, readSeq) as Seq,
    });
  }
}

interface PositionRow {
  readonly conversation_key: string;
  readonly user_key: string;
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
  readonly updated_at: number;
}
type DeviceRow = Omit<PositionRow, 'updated_at'> & { readonly device_id: DeviceId };
type ReceiptRow = DeviceRow & { readonly user_id: UserId };

type MemberValues = readonly [string, string, number, number, number];
type DeviceValues = readonly [string, string, string, number, number];

const none = 0 as Seq;

const resultOf = (
  key: MemberKey,
  { delivered_seq, read_seq }: Pick<PositionRow, 'delivered_seq' | 'read_seq'>,
  changed: boolean,
): ReceiptResult => ({ ...key, deliveredSeq: delivered_seq, readSeq: read_seq, changed });

const toReceipt = (row: ReceiptRow): DeviceReceipt => ({
  userId: row.user_id,
  deviceId: row.device_id,
  deliveredSeq: row.delivered_seq,
  readSeq: row.read_seq,
});

/** The id of an account is that of its creation. For a user without an account it is that of the membership. */
const receiptsSql = `select r.conversation_key, r.user_key, coalesce(u.user_id, m.user_id) as user_id, r.device_id, r.delivered_seq,
  r.read_seq from receipt r
  join member m on m.conversation_key = r.conversation_key and m.user_key = r.user_key left join user u on u.user_key = r.user_key`;

const lockSql = `select conversation_key, user_key, delivered_seq, read_seq, updated_at from member force index (primary)
  where (conversation_key, user_key) in (?) order by conversation_key, user_key for update`;

/** Never inserts, because the rows exist and are locked. */
const membersUpsert = {
  into: 'member (conversation_key, user_key, delivered_seq, read_seq, updated_at)',
  onDuplicate: `on duplicate key update delivered_seq = greatest(delivered_seq, values(delivered_seq)),
    read_seq = greatest(read_seq, values(read_seq)), updated_at = greatest(updated_at, values(updated_at))`,
};

const devicesUpsert = {
  into: 'receipt (conversation_key, user_key, device_id, delivered_seq, read_seq)',
  onDuplicate: `on duplicate key update delivered_seq = greatest(delivered_seq, values(delivered_seq)),
    read_seq = greatest(read_seq, values(read_seq))`,
};
