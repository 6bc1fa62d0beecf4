// Reads of one month's file, on a connection of their own: committed rows only, and only by index ranges.

import type { Database } from 'bun:sqlite';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { openReader } from '../../adapters/sqlite/open.ts';
import {
  type EntryRow,
  entryColumns,
  entryTables,
  monthPath,
  positionOf,
  prepareByKey,
  prepareLast,
  toStored,
} from './month-file.ts';
import type { Month, StoredEntry } from './timeline.ts';

export class MonthReader {
  readonly month: Month;
  readonly #db: Database;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(folder: string, month: Month) {
    this.month = month;
    this.#db = openReader(monthPath(folder, month));
    this.#sql = prepare(this.#db);
  }

  /** Ascending, seq > afterSeq. */
  after(conversationId: ConversationId, afterSeq: Seq, limit: number): StoredEntry[] {
    return this.#sql.after.all(conversationId, afterSeq, limit).map((row) => toStored(this.month, row));
  }

  /** The `limit` newest with seq < beforeSeq, ascending. */
  before(conversationId: ConversationId, beforeSeq: Seq, limit: number): StoredEntry[] {
    const rows = this.#sql.before.all(conversationId, beforeSeq, limit);
    return rows.reverse().map((row) => toStored(this.month, row));
  }

  last(conversationId: ConversationId): { readonly seq: Seq; readonly position: number } | undefined {
    const row = this.#sql.last.get(conversationId);
    return row ? { seq: row.seq, position: positionOf(this.month, row.n) } : undefined;
  }

  /** Of the newest entry; undefined when there is none. */
  lastPosition(): number | undefined {
    const n = this.#sql.newest.get()?.n;
    return n === undefined ? undefined : positionOf(this.month, n);
  }

  firstSeq(conversationId: ConversationId): Seq | undefined {
    return this.#sql.first.get(conversationId)?.seq;
  }

  byMsgId(msgId: MsgId): StoredEntry | undefined {
    const row = this.#sql.byMsgId.get(msgId);
    return row ? toStored(this.month, row) : undefined;
  }

  byKey(clientMsgId: ClientMsgId, from: UserId): StoredEntry | undefined {
    const row = this.#sql.byKey.get(clientMsgId, from);
    return row ? toStored(this.month, row) : undefined;
  }

  /** Of any sender: the key is unique per sender only. */
  byKeyOfAnyone(clientMsgId: ClientMsgId): StoredEntry[] {
    return this.#sql.byKeyOfAnyone.all(clientMsgId).map((row) => toStored(this.month, row));
  }

  close(): void {
    this.#db.close();
  }
}

function prepare(db: Database) {
  const ofConversation = 'e.conversation_no = (SELECT no FROM conversation WHERE id = ?)';
  return {
    after: db.prepare<EntryRow, [string, number, number]>(
      `SELECT ${entryColumns} FROM ${entryTables} WHERE ${ofConversation} AND e.seq > ? ORDER BY e.seq LIMIT ?`,
    ),
    before: db.prepare<EntryRow, [string, number, number]>(
      `SELECT ${entryColumns} FROM ${entryTables} WHERE ${ofConversation} AND e.seq < ? ORDER BY e.seq DESC LIMIT ?`,
    ),
    last: prepareLast(db),
    newest: db.prepare<{ n: number }, []>('SELECT n FROM entry ORDER BY n DESC LIMIT 1'),
    first: db.prepare<{ seq: Seq }, [string]>(
      `SELECT e.seq FROM entry e WHERE ${ofConversation} ORDER BY e.seq LIMIT 1`,
    ),
    byMsgId: db.prepare<EntryRow, [string]>(`SELECT ${entryColumns} FROM ${entryTables} WHERE e.msg_id = ?`),
    byKey: prepareByKey(db),
    byKeyOfAnyone: db.prepare<EntryRow, [string]>(
      `SELECT ${entryColumns} FROM ${entryTables} WHERE e.client_msg_id = ? ORDER BY e.sender`,
    ),
  };
}
