// Writes of positions. As they are the most frequent writes, an advance takes at most three statements, each by a key.

import type { Database } from 'bun:sqlite';
import type { Seq } from '@hongyan/protocol/ids';
import type { ReceiptAdvance, ReceiptResult } from '../receipts.ts';
import type { Numbers } from './numbers.ts';
import type { ValueOf } from './ops.ts';

export class ReceiptWrites {
  readonly #numbers: Numbers;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database, numbers: Numbers) {
    this.#numbers = numbers;
    this.#statements = prepare(db);
  }

  advance(batch: ValueOf<'advanceReceipts'>): readonly ReceiptResult[] {
    return batch.map((advance) => this.#advanceOne(advance));
  }

  advanceSent(batch: ValueOf<'advanceSent'>): void {
    for (const { conversationId, userId, sentSeq } of batch) {
      const conversationNo = this.#numbers.ofConversation(conversationId);
      const userNo = this.#numbers.ofUser(userId);
      if (conversationNo === undefined || userNo === undefined) continue;
      this.#statements.advanceSent.run(sentSeq, conversationNo, userNo, sentSeq);
    }
  }

  moveSentThrough(position: ValueOf<'moveSentThrough'>): void {
    this.#statements.moveSentThrough.run(position);
  }

  forget(devices: ValueOf<'forgetReceipts'>): void {
    for (const { userId, deviceId } of devices) {
      const userNo = this.#numbers.ofUser(userId);
      const deviceNo = userNo === undefined ? undefined : this.#numbers.ofDevice(userNo, deviceId);
      if (userNo === undefined || deviceNo === undefined) continue;
      this.#statements.deleteReceipts.run(deviceNo);
      this.#statements.deleteNumber.run(deviceNo);
      this.#numbers.forgetDevice(userNo, deviceId);
    }
  }

  /** [D7] A new position is the maximum of the stored and the requested one. read never exceeds delivered. */
  #advanceOne(advance: ReceiptAdvance): ReceiptResult {
    const { conversationId, userId, deviceId, readSeq, atMs } = advance;
    const conversationNo = this.#numbers.ofConversation(conversationId);
    const userNo = this.#numbers.ofUser(userId);
    if (conversationNo === undefined || userNo === undefined) return resultOf(advance, none, false);
    const member = this.#statements.member.get(conversationNo, userNo);
    if (member === null) return resultOf(advance, none, false);
    const wantedSeq = Math.max(advance.deliveredSeq, readSeq);
    const deviceNo = this.#numbers.giveDevice({ userNo, deviceId });
    this.#statements.advanceDevice.run(deviceNo, conversationNo, wantedSeq, readSeq);
    const delivered_seq = Math.max(member.delivered_seq, wantedSeq) as Seq;
    if (readSeq > member.read_seq) {
      // The user's other devices find a moved read position by updated_at.
      this.#statements.advanceRead.run(delivered_seq, readSeq, atMs, conversationNo, userNo);
      return resultOf(advance, { delivered_seq, read_seq: readSeq }, true);
    }
    if (delivered_seq === member.delivered_seq) return resultOf(advance, member, false);
    this.#statements.advanceDelivered.run(delivered_seq, conversationNo, userNo);
    return resultOf(advance, { delivered_seq, read_seq: member.read_seq }, true);
  }
}

interface Positions {
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
}

const none: Positions = { delivered_seq: 0 as Seq, read_seq: 0 as Seq };

function resultOf(
  { conversationId, userId }: ReceiptAdvance,
  { delivered_seq, read_seq }: Positions,
  changed: boolean,
): ReceiptResult {
  return { conversationId, userId, deliveredSeq: delivered_seq, readSeq: read_seq, changed };
}

function prepare(db: Database) {
  return {
    member: db.prepare<Positions, [number, number]>(
      'SELECT delivered_seq, read_seq FROM member WHERE conversation_no = ? AND user_no = ?',
    ),
    // Not RETURNING, which costs three times as much as the SELECT before it.
    advanceRead: db.prepare<unknown, [number, number, number, number, number]>(
      `UPDATE member SET delivered_seq = ?, read_seq = ?, updated_at = max(updated_at, ?)
       WHERE conversation_no = ? AND user_no = ?`,
    ),
    advanceDelivered: db.prepare<unknown, [number, number, number]>(
      'UPDATE member SET delivered_seq = ? WHERE conversation_no = ? AND user_no = ?',
    ),
    advanceSent: db.prepare<unknown, [number, number, number, number]>(
      'UPDATE member SET sent_seq = ? WHERE conversation_no = ? AND user_no = ? AND sent_seq < ?',
    ),
    moveSentThrough: db.prepare<unknown, [string]>('UPDATE sent_mark SET position = ?'),
    deleteReceipts: db.prepare<unknown, [number]>('DELETE FROM receipt WHERE device_no = ?'),
    deleteNumber: db.prepare<unknown, [number]>('DELETE FROM device_number WHERE no = ?'),
    advanceDevice: db.prepare<unknown, [number, number, number, number]>(
      `INSERT INTO receipt(device_no, conversation_no, delivered_seq, read_seq) VALUES(?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET delivered_seq = max(delivered_seq, excluded.delivered_seq),
         read_seq = max(read_seq, excluded.read_seq)`,
    ),
  };
}
