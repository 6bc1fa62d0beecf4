// Reads of one month's file, on a connection of their own: committed rows only, and only by ranges of a key.

import type { Database } from 'bun:sqlite';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { openReader } from '../../adapters/sqlite/open.ts';
import { KeyRange } from './key-range.ts';
import {
  assertLayout,
  type EntryRow,
  entryColumns,
  entryOf,
  type Month,
  monthPath,
  seqMax,
  tailColumns,
} from './month-file.ts';
import { packId } from './packed-id.ts';
import type { StoredEntry } from './timeline.ts';

/** An entry with its place in the commits of its month. */
export interface Placed {
  readonly p: number;
  readonly entry: StoredEntry;
}

/** Where a conversation stands in a month. */
export interface LastRow {
  readonly seq: Seq;
  readonly p: number;
  readonly timestamp: number;
}

/** All but `tailAfter` and `lastP` see sorted rows only: what is still in the tail of the month being written is not among them. */
export class MonthReader {
  readonly month: Month;
  readonly #db: Database;
  readonly #sql: ReturnType<typeof prepare>;

  private constructor(month: Month, db: Database) {
    this.month = month;
    this.#db = db;
    this.#sql = prepare(db);
  }

  /** Undefined while the writer has not made the month's tables yet. */
  static open(folder: string, month: Month): MonthReader | undefined {
    const path = monthPath(folder, month);
    const db = openReader(path);
    try {
      if (assertLayout(db, path)) return new MonthReader(month, db);
      db.close();
      return undefined;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Of the sorted rows. */
  keyRange(): KeyRange {
    return new KeyRange(this.#db);
  }

  /** Ascending, seq > afterSeq, until `take` returns false. */
  after(request: { conversationId: ConversationId; afterSeq: number; limit: number }, take: Take): void {
    const { conversationId, afterSeq, limit } = request;
    const rows = this.#sql.after.iterate(conversationId, Math.min(afterSeq, seqMax), limit);
    for (const row of rows) if (!take(entryOf(row, conversationId))) return;
  }

  /** Descending, seq < beforeSeq, until `take` returns false. */
  before(request: { conversationId: ConversationId; beforeSeq: number; limit: number }, take: Take): void {
    const { conversationId, beforeSeq, limit } = request;
    const rows = this.#sql.before.iterate(conversationId, Math.min(beforeSeq, seqMax), limit);
    for (const row of rows) if (!take(entryOf(row, conversationId))) return;
  }

  lastEntry(conversationId: ConversationId): StoredEntry | undefined {
    const row = this.#sql.before.get(conversationId, seqMax, 1);
    return row ? entryOf(row, conversationId) : undefined;
  }

  last(conversationId: ConversationId): LastRow | undefined {
    return this.#sql.last.get(conversationId) ?? undefined;
  }

  firstSeq(conversationId: ConversationId): Seq | undefined {
    return this.#sql.first.get(conversationId)?.seq;
  }

  /** Of the newest entry, the tail's among them; 0 when there is none. */
  lastP(): number {
    return this.#sql.lastP.get()?.p ?? 0;
  }

  byMsgId(msgId: MsgId): StoredEntry | undefined {
    const row = this.#sql.byMsgId.get(packId(msgId));
    return row ? entryOf(row, row.conversation_id) : undefined;
  }

  byKey(clientMsgId: ClientMsgId, from: UserId): StoredEntry | undefined {
    const row = this.#sql.byKey.get(packId(clientMsgId), from);
    return row ? entryOf(row, row.conversation_id) : undefined;
  }

  /** Of any sender: the key is unique per sender only. */
  byKeyOfAnyone(clientMsgId: ClientMsgId): StoredEntry[] {
    return this.#sql.byKeyOfAnyone.all(packId(clientMsgId)).map((row) => entryOf(row, row.conversation_id));
  }

  /** In the order of commits, p > afterP and p <= throughP. */
  feedAfter(afterP: number, throughP: number, limit: number): Placed[] {
    return this.#sql.feed.all(afterP, throughP, limit).map(placed);
  }

  /** Rows that are not sorted yet, in the order of commits. */
  tailAfter(afterP: number): Placed[] {
    return this.#sql.tail.all(afterP).map(placed);
  }

  close(): void {
    this.#db.close();
  }
}

/** Returns whether more is wanted. */
export type Take = (entry: StoredEntry) => boolean;

interface LocatedRow extends EntryRow {
  readonly conversation_id: ConversationId;
}

const placed = (row: LocatedRow): Placed => ({ p: row.p, entry: entryOf(row, row.conversation_id) });

/** CROSS JOIN fixes the order of the loops: each inner table is read by its primary key. */
function prepare(db: Database) {
  const located = `${entryColumns}, c.id AS conversation_id`;
  const withNames = 'CROSS JOIN entry e CROSS JOIN conversation c CROSS JOIN sender s';
  const named = 'e.n = i.n AND c.no = e.n >> 32 AND s.no = e.sender_no';
  const ofConversation = 'c.id = ?1 AND e.n > (c.no << 32)';
  const beforeNext = 'e.n < (c.no + 1) << 32';
  const page = `SELECT ${entryColumns} FROM conversation c CROSS JOIN entry e CROSS JOIN sender s WHERE s.no = e.sender_no`;
  const ends = `FROM conversation c CROSS JOIN entry e WHERE ${ofConversation} AND ${beforeNext}`;
  return {
    after: db.prepare<EntryRow, [string, number, number]>(
      `${page} AND ${ofConversation} + ?2 AND ${beforeNext} ORDER BY e.n LIMIT ?3`,
    ),
    before: db.prepare<EntryRow, [string, number, number]>(
      `${page} AND ${ofConversation} AND e.n < (c.no << 32) + ?2 ORDER BY e.n DESC LIMIT ?3`,
    ),
    last: db.prepare<LastRow, [string]>(
      `SELECT e.n & 4294967295 AS seq, e.p, e.timestamp ${ends} ORDER BY e.n DESC LIMIT 1`,
    ),
    first: db.prepare<{ seq: Seq }, [string]>(`SELECT e.n & 4294967295 AS seq ${ends} ORDER BY e.n LIMIT 1`),
    lastP: db.prepare<{ p: number | null }, []>(
      'SELECT max(coalesce((SELECT max(p) FROM tail), 0), coalesce((SELECT max(p) FROM feed), 0)) AS p',
    ),
    byMsgId: db.prepare<LocatedRow, [Uint8Array | string]>(
      `SELECT ${located} FROM by_msg_id i ${withNames} WHERE i.msg_id = ?1 AND ${named} LIMIT 1`,
    ),
    byKey: db.prepare<LocatedRow, [Uint8Array | string, string]>(
      `SELECT ${located} FROM by_key i ${withNames} WHERE i.client_msg_id = ?1
         AND i.sender_no = (SELECT no FROM sender WHERE id = ?2) AND ${named}`,
    ),
    byKeyOfAnyone: db.prepare<LocatedRow, [Uint8Array | string]>(
      `SELECT ${located} FROM by_key i ${withNames} WHERE i.client_msg_id = ?1 AND ${named} ORDER BY s.id`,
    ),
    feed: db.prepare<LocatedRow, [number, number, number]>(
      `SELECT ${located} FROM feed i ${withNames} WHERE i.p > ?1 AND i.p <= ?2 AND ${named} ORDER BY i.p LIMIT ?3`,
    ),
    tail: db.prepare<LocatedRow, [number]>(
      `SELECT ${tailColumns} FROM tail t CROSS JOIN conversation c CROSS JOIN sender s
       WHERE t.p > ?1 AND c.no = t.conversation_no AND s.no = t.sender_no ORDER BY t.p`,
    ),
  };
}
