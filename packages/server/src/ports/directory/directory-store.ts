// The writing side of the SQLite directory: one method per kind of write, inside the transaction of a batch.

import type { Database } from 'bun:sqlite';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { LRUCache } from 'lru-cache';
import type { Directory, ReceiptAdvance, ReceiptResult } from './directory.ts';

type WriteName = 'createUser' | 'touchDevice' | 'createConversation' | 'setTitle' | 'addMember' | 'removeMember';
/** A write of the port, as it travels to the writer thread. */
export type DirectoryOp =
  | { [N in WriteName]: { readonly type: N; readonly value: Parameters<Directory[N]>[0] } }[WriteName]
  | { readonly type: 'advanceReceipt'; readonly value: ReceiptAdvance };
export type DirectoryResult = boolean | ReceiptResult;

type Value<T extends DirectoryOp['type']> = Extract<DirectoryOp, { type: T }>['value'];

export class DirectoryStore {
  readonly #db: Database;
  readonly #statements: ReturnType<typeof prepare>;
  /** Numbers of committed and of uncommitted rows: forgotten on rollback. */
  readonly #conversationNos = new LRUCache<string, number>({ max: 100_000 });
  readonly #deviceNos = new LRUCache<string, number>({ max: 200_000 });

  constructor(db: Database) {
    this.#db = db;
    this.#statements = prepare(db);
  }

  apply(op: DirectoryOp): DirectoryResult {
    switch (op.type) {
      case 'createUser':
        return this.#createUser(op.value);
      case 'touchDevice':
        return this.#touchDevice(op.value);
      case 'createConversation':
        return this.#createConversation(op.value);
      case 'setTitle':
        return this.#statements.setTitle.run(op.value.title, op.value.conversationId).changes > 0;
      case 'addMember':
        return this.#addMember(op.value);
      case 'removeMember':
        return this.#removeMember(op.value);
      case 'advanceReceipt':
        return this.#advanceReceipt(op.value);
    }
  }

  forget(): void {
    this.#conversationNos.clear();
    this.#deviceNos.clear();
  }

  close(): void {
    this.#db.close();
  }

  #createUser({ userId, displayName, createdAtMs, passwordHash }: Value<'createUser'>): boolean {
    return this.#statements.createUser.run(userId, displayName, createdAtMs, passwordHash).changes > 0;
  }

  #touchDevice({ userId, deviceId, atMs }: Value<'touchDevice'>): boolean {
    this.#statements.touchDevice.run(userId, deviceId, atMs);
    return true;
  }

  #createConversation({ conversationId, kind, title, members, atMs }: Value<'createConversation'>): boolean {
    const memberCount = new Set(members.map((member) => member.userId)).size;
    const row = this.#statements.createConversation.get(conversationId, kind, title, atMs, memberCount);
    if (row === null) return false;
    for (const { userId, role } of members) this.#statements.addMember.run(row.no, userId, role, 1, 0, 0, atMs);
    return true;
  }

  #addMember(member: Value<'addMember'>): boolean {
    const { conversationId, userId, role, visibleFromSeq, readSeq = 0, atMs, memberCountMax } = member;
    const no = this.#conversationNo(conversationId);
    if (no === undefined) return false;
    if (memberCountMax !== undefined && (this.#statements.memberCount.get(no)?.member_count ?? 0) >= memberCountMax)
      return false;
    if (this.#statements.addMember.run(no, userId, role, visibleFromSeq, readSeq, readSeq, atMs).changes === 0)
      return false;
    this.#statements.countMember.run(1, no);
    return true;
  }

  #removeMember({ conversationId, userId }: Value<'removeMember'>): boolean {
    const no = this.#conversationNo(conversationId);
    if (no === undefined || this.#statements.removeMember.run(no, userId).changes === 0) return false;
    this.#statements.removeReceipts.run(no, userId);
    this.#statements.countMember.run(-1, no);
    return true;
  }

  /** [D7] Everything is a maximum of what is stored and what is wanted; read never passes delivered. */
  #advanceReceipt({ conversationId, userId, deviceId, deliveredSeq, readSeq, atMs }: ReceiptAdvance): ReceiptResult {
    const unchanged = { conversationId, userId, deliveredSeq: 0, readSeq: 0, changed: false } as ReceiptResult;
    const no = this.#conversationNo(conversationId);
    const member = no === undefined ? null : this.#statements.getMember.get(no, userId);
    if (no === undefined || member === null) return unchanged;
    const wantedDelivered = Math.max(deliveredSeq, readSeq);
    this.#statements.advanceDevice.run(this.#deviceNo(userId, deviceId, atMs), no, wantedDelivered, readSeq);
    const delivered = Math.max(member.delivered_seq, wantedDelivered);
    const read = Math.max(member.read_seq, readSeq);
    const changed = delivered > member.delivered_seq || read > member.read_seq;
    // A read position moves on the user's other devices too: its time lets them find it.
    if (changed) this.#statements.advanceMember.run(delivered, read, read > member.read_seq ? atMs : 0, no, userId);
    return { ...unchanged, deliveredSeq: delivered, readSeq: read, changed } as ReceiptResult;
  }

  #conversationNo(conversationId: string): number | undefined {
    const known = this.#conversationNos.get(conversationId);
    if (known !== undefined) return known;
    const row = this.#statements.conversationNo.get(conversationId);
    if (row) this.#conversationNos.set(conversationId, row.no);
    return row?.no;
  }

  #deviceNo(userId: UserId, deviceId: DeviceId, atMs: number): number {
    const key = `${userId}|${deviceId}`;
    const known = this.#deviceNos.get(key);
    if (known !== undefined) return known;
    this.#statements.knowDevice.run(userId, deviceId, atMs);
    const no = this.#statements.deviceNo.get(userId, deviceId)?.no;
    if (no === undefined) throw new Error('a device just stored is not there');
    this.#deviceNos.set(key, no);
    return no;
  }
}

function prepare(db: Database) {
  return {
    createUser: db.prepare<unknown, [string, string, number, string]>(
      'INSERT INTO user(id, display_name, created_at, password_hash) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    touchDevice: db.prepare<unknown, [string, string, number]>(
      `INSERT INTO device(user_id, id, last_seen) VALUES(?, ?, ?)
       ON CONFLICT(user_id, id) DO UPDATE SET last_seen = max(last_seen, excluded.last_seen)`,
    ),
    knowDevice: db.prepare<unknown, [string, string, number]>(
      'INSERT INTO device(user_id, id, last_seen) VALUES(?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    deviceNo: db.prepare<{ no: number }, [string, string]>('SELECT no FROM device WHERE user_id = ? AND id = ?'),
    createConversation: db.prepare<{ no: number }, [string, string, string, number, number]>(
      `INSERT INTO conversation(id, kind, title, created_at, member_count) VALUES(?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING RETURNING no`,
    ),
    conversationNo: db.prepare<{ no: number }, [string]>('SELECT no FROM conversation WHERE id = ?'),
    setTitle: db.prepare<unknown, [string, string]>('UPDATE conversation SET title = ? WHERE id = ?'),
    memberCount: db.prepare<{ member_count: number }, [number]>('SELECT member_count FROM conversation WHERE no = ?'),
    countMember: db.prepare<unknown, [number, number]>(
      'UPDATE conversation SET member_count = member_count + ? WHERE no = ?',
    ),
    addMember: db.prepare<unknown, [number, string, string, number, number, number, number]>(
      `INSERT INTO member(conversation_no, user_id, role, visible_from, delivered_seq, read_seq, updated_at)
       VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    removeMember: db.prepare<unknown, [number, string]>('DELETE FROM member WHERE conversation_no = ? AND user_id = ?'),
    removeReceipts: db.prepare<unknown, [number, string]>(
      'DELETE FROM receipt WHERE conversation_no = ? AND device_no IN (SELECT no FROM device WHERE user_id = ?)',
    ),
    getMember: db.prepare<{ delivered_seq: number; read_seq: number }, [number, string]>(
      'SELECT delivered_seq, read_seq FROM member WHERE conversation_no = ? AND user_id = ?',
    ),
    advanceMember: db.prepare<unknown, [number, number, number, number, string]>(
      `UPDATE member SET delivered_seq = ?, read_seq = ?, updated_at = max(updated_at, ?)
       WHERE conversation_no = ? AND user_id = ?`,
    ),
    advanceDevice: db.prepare<unknown, [number, number, number, number]>(
      `INSERT INTO receipt(device_no, conversation_no, delivered_seq, read_seq) VALUES(?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET delivered_seq = max(delivered_seq, excluded.delivered_seq), read_seq = max(read_seq, excluded.read_seq)`,
    ),
  };
}
