// Reads of positions. Many keys are one statement over a JSON array, because each statement acquires a lock.

import type { Database } from 'bun:sqlite';
import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Position } from '../../timeline/timeline.ts';
import type { DeviceReceipt, Receipts } from '../receipts.ts';

export class ReceiptReads {
  readonly #db: Database;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#db = db;
    this.#statements = prepare(db);
  }

  ofDevices({
    conversationId,
    userIds,
  }: Parameters<Receipts['deviceReceipts']>[0]): ReadonlyMap<UserId, readonly DeviceReceipt[]> {
    const receipts = new Map<UserId, DeviceReceipt[]>();
    for (const row of this.#statements.ofDevices.all(JSON.stringify(userIds), conversationId)) {
      const ofUser = receipts.get(row.asked);
      if (ofUser === undefined) receipts.set(row.asked, [toReceipt(row)]);
      else ofUser.push(toReceipt(row));
    }
    return receipts;
  }

  ofDevice({
    userId,
    deviceId,
    conversationIds,
  }: Parameters<Receipts['receiptsOfDevice']>[0]): ReadonlyMap<ConversationId, DeviceReceipt> {
    const rows = this.#statements.ofDevice.all(userId, deviceId, JSON.stringify(conversationIds));
    return new Map(rows.map((row) => [row.asked, toReceipt(row)]));
  }

  count({ conversationId, seq, except }: Parameters<Receipts['countReceipts']>[0]): {
    delivered: number;
    read: number;
  } {
    const row = this.#statements.count.get(seq, seq, conversationId, except);
    return { delivered: row?.delivered ?? 0, read: row?.read ?? 0 };
  }

  sentThrough(): Position | undefined {
    // Not prepared in advance, because a file of an earlier version that is only read has no such table.
    const sql = 'SELECT position FROM sent_mark';
    return this.#db.query<{ position: Position | null }, []>(sql).get()?.position ?? undefined;
  }
}

/** The requested id. The stored one may differ in case. */
interface Asked<Id> {
  readonly asked: Id;
}
interface ReceiptRow {
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
  readonly user_id: UserId;
  readonly device_id: DeviceId;
}

const toReceipt = (row: ReceiptRow): DeviceReceipt => ({
  userId: row.user_id,
  deviceId: row.device_id,
  deliveredSeq: row.delivered_seq,
  readSeq: row.read_seq,
});

const receiptColumns = 'u.id AS user_id, d.id AS device_id, r.delivered_seq, r.read_seq';

function prepare(db: Database) {
  return {
    ofDevices: db.prepare<ReceiptRow & Asked<UserId>, [string, string]>(
      `SELECT asked.value AS asked, ${receiptColumns} FROM (SELECT DISTINCT value FROM json_each(?)) AS asked
       CROSS JOIN user u ON u.id = asked.value CROSS JOIN device_number d ON d.user_no = u.no CROSS JOIN receipt r
         ON r.device_no = d.no AND r.conversation_no = (SELECT no FROM conversation WHERE id = ?)`,
    ),
    ofDevice: db.prepare<ReceiptRow & Asked<ConversationId>, [string, string, string]>(
      `SELECT asked.value AS asked, ${receiptColumns}
       FROM user u CROSS JOIN device_number d ON d.user_no = u.no AND u.id = ? AND d.id = ?
       CROSS JOIN json_each(?) AS asked CROSS JOIN conversation c ON c.id = asked.value
       CROSS JOIN receipt r ON r.device_no = d.no AND r.conversation_no = c.no`,
    ),
    count: db.prepare<{ delivered: number; read: number }, [number, number, string, string]>(
      `SELECT total(m.delivered_seq >= ?) AS delivered, total(m.read_seq >= ?) AS read
       FROM conversation c CROSS JOIN member m ON m.conversation_no = c.no
       WHERE c.id = ? AND m.user_no IS NOT (SELECT no FROM user WHERE id = ?)`,
    ),
  };
}
