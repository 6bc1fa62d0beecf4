// The writing side of the SQLite timeline: gives seqs, keeps them without holes, turns the month over. Runs on the writer thread.

import type { Database } from 'bun:sqlite';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { LRUCache } from 'lru-cache';
import { closeWriter, openReader, openWriter, type Transaction, transactionOf } from '../../adapters/sqlite/open.ts';
import { assertNothingLost, beginMonth, closeMonth, openHeads, prepareHead } from './heads-file.ts';
import {
  deleteMonth,
  listMonths,
  monthOf,
  monthPath,
  positionOf,
  prepareByKey,
  prepareLast,
  schema,
  toStored,
} from './month-file.ts';
import type { Month, NewEntry, StoredEntry } from './timeline.ts';

export type TimelineOp =
  | { readonly type: 'append'; readonly entry: NewEntry }
  | { readonly type: 'drop'; readonly month: Month };

/** What the main side does not know yet; a duplicate comes with its first entry. */
export type TimelineResult =
  | { readonly type: 'committed'; readonly month: Month; readonly seq: Seq; readonly position: number }
  | { readonly type: 'duplicate'; readonly entry: StoredEntry }
  | { readonly type: 'dropped' }
  | { readonly type: 'kept'; readonly reason: string };

export interface TimelineInit {
  readonly folder: string;
  readonly maxBytes?: number;
}

/** Where a conversation stands, and its number in the month being written. */
interface Known {
  no: number;
  lastSeq: number;
}

export class TimelineStore {
  readonly #init: TimelineInit;
  readonly #heads: Database;
  readonly #head: ReturnType<typeof prepareHead>;
  /** Oldest first. */
  #closed: ClosedMonth[];
  #current: CurrentMonth | undefined;
  readonly #known = new LRUCache<ConversationId, Known>({ max: 200_000 });
  #inTransaction = false;

  constructor(init: TimelineInit) {
    this.#init = init;
    this.#heads = openHeads(init.folder);
    this.#head = prepareHead(this.#heads);
    assertNothingLost(this.#heads, init.folder);
    const months = listMonths(init.folder);
    const newest = months.pop();
    for (const month of months) closeMonth(this.#heads, init.folder, month);
    this.#closed = months.map((month) => new ClosedMonth(init.folder, month));
    if (newest === undefined) return;
    this.#current = new CurrentMonth(init, newest);
    beginMonth(this.#heads, newest);
  }

  /** The transaction begins with the first append: only then is it known which month it goes to. */
  begin(): void {
    this.#inTransaction = false;
  }

  apply(op: TimelineOp): TimelineResult {
    return op.type === 'append' ? this.#append(op.entry) : this.#drop(op.month);
  }

  commit(): void {
    if (this.#inTransaction) this.#current?.transaction.commit();
    this.#inTransaction = false;
  }

  rollback(): void {
    if (this.#inTransaction) this.#current?.transaction.rollback();
    this.#inTransaction = false;
    this.#known.clear();
  }

  close(): void {
    for (const month of this.#closed) month.close();
    this.#current?.close();
    closeWriter(this.#heads);
  }

  #append(entry: NewEntry): TimelineResult {
    const current = this.#inTransaction && this.#current ? this.#current : this.#beginIn(monthOf(entry.timestampMs));
    const earlier = this.#inClosedMonths(entry);
    if (earlier) return { type: 'duplicate', entry: earlier };
    const known = this.#knownIn(current, entry.conversationId);
    const n = current.insert(known, entry);
    if (n === undefined) {
      const first = current.byKey.get(entry.clientMsgId, entry.from);
      if (!first) throw new Error('an entry that conflicts is not there');
      return { type: 'duplicate', entry: toStored(current.month, first) };
    }
    known.lastSeq++;
    return {
      type: 'committed',
      month: current.month,
      seq: known.lastSeq as Seq,
      position: positionOf(current.month, n),
    };
  }

  /** A clock that stepped back keeps writing the newest month: positions only grow. */
  #beginIn(wanted: Month): CurrentMonth {
    const newest = this.#current;
    if (!newest || wanted > newest.month) this.#current = this.#turnOver(newest, wanted);
    const current = this.#current;
    if (!current) throw new Error('there is a month to write');
    current.transaction.begin();
    this.#inTransaction = true;
    return current;
  }

  /** Whatever fails on the way, the month before stays the one being written. */
  #turnOver(from: CurrentMonth | undefined, to: Month): CurrentMonth {
    const next = new CurrentMonth(this.#init, to);
    try {
      beginMonth(this.#heads, to);
      if (from) this.#closeMonth(from.month);
    } catch (error) {
      next.close();
      throw error;
    }
    from?.close();
    this.#known.clear();
    return next;
  }

  /** Its heads are taken over last: a month whose heads are taken over MUST get no more entries. */
  #closeMonth(month: Month): void {
    const closed = new ClosedMonth(this.#init.folder, month);
    try {
      closeMonth(this.#heads, this.#init.folder, month);
    } catch (error) {
      closed.close();
      throw error;
    }
    this.#closed.push(closed);
  }

  /** [D3] The key is looked up only where the range of keys holds it: for UUIDv7 keys, practically nowhere. */
  #inClosedMonths({ from, clientMsgId }: NewEntry): StoredEntry | undefined {
    if (this.#closed.length === 0) return undefined;
    // SQLite orders text by its UTF-8 bytes, JavaScript by UTF-16 units: beyond U+D7FF the two differ.
    const key = Buffer.from(clientMsgId);
    for (const month of this.#closed) {
      if (key.compare(month.minKey) < 0 || key.compare(month.maxKey) > 0) continue;
      const row = month.byKey.get(clientMsgId, from);
      if (row) return toStored(month.month, row);
    }
    return undefined;
  }

  #knownIn(current: CurrentMonth, conversationId: ConversationId): Known {
    const known = this.#known.get(conversationId);
    if (known) return known;
    const no = current.conversationNo(conversationId);
    const lastSeq = current.last.get(conversationId)?.seq ?? this.#head.get(conversationId)?.last_seq ?? 0;
    const fresh = { no, lastSeq };
    this.#known.set(conversationId, fresh);
    return fresh;
  }

  #drop(month: Month): TimelineResult {
    const [oldest, ...younger] = this.#closed;
    if (oldest?.month !== month) {
      if (month === this.#current?.month) return { type: 'kept', reason: 'it is being written' };
      const isThere = younger.some((closed) => closed.month === month);
      return { type: 'kept', reason: isThere ? `${oldest?.month} has to go before it` : 'there is no such month' };
    }
    this.#closed = younger;
    oldest.close();
    deleteMonth(this.#init.folder, month);
    return { type: 'dropped' };
  }
}

/** The month being written. */
class CurrentMonth {
  readonly month: Month;
  readonly transaction: Transaction;
  readonly byKey: ReturnType<typeof prepareByKey>;
  readonly last: ReturnType<typeof prepareLast>;
  readonly #db: Database;
  readonly #insert;
  readonly #addConversation;
  readonly #findConversation;

  constructor({ folder, maxBytes }: TimelineInit, month: Month) {
    this.month = month;
    const db = openWriter(monthPath(folder, month), maxBytes === undefined ? {} : { maxBytes });
    this.#db = db;
    try {
      db.run(schema);
    } catch (error) {
      // A full disk at the turn of a month is tried again with every append: each try gives its connection back.
      db.close();
      throw error;
    }
    this.transaction = transactionOf(db);
    this.byKey = prepareByKey(db);
    this.last = prepareLast(db);
    this.#insert = db.prepare<{ n: number }, [number, number, string, string, string, number, string]>(
      `INSERT INTO entry(conversation_no, seq, msg_id, sender, client_msg_id, timestamp, content)
       VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(client_msg_id, sender) DO NOTHING`,
    );
    this.#addConversation = db.prepare<unknown, [string]>(
      'INSERT INTO conversation(id) VALUES(?) ON CONFLICT DO NOTHING',
    );
    this.#findConversation = db.prepare<{ no: number }, [string]>('SELECT no FROM conversation WHERE id = ?');
  }

  /** The row number; undefined when the key is taken. */
  insert(known: Known, { msgId, from, clientMsgId, timestampMs, contentJson }: NewEntry): number | undefined {
    const done = this.#insert.run(known.no, known.lastSeq + 1, msgId, from, clientMsgId, timestampMs, contentJson);
    return done.changes === 0 ? undefined : Number(done.lastInsertRowid);
  }

  conversationNo(conversationId: ConversationId): number {
    this.#addConversation.run(conversationId);
    const row = this.#findConversation.get(conversationId);
    if (!row) throw new Error('a conversation just stored is not there');
    return row.no;
  }

  close(): void {
    closeWriter(this.#db);
  }
}

/** A month that gets no more entries; asked only for keys. */
class ClosedMonth {
  readonly month: Month;
  readonly minKey: Buffer;
  readonly maxKey: Buffer;
  readonly byKey: ReturnType<typeof prepareByKey>;
  readonly #db: Database;

  constructor(folder: string, month: Month) {
    this.month = month;
    this.#db = openReader(monthPath(folder, month), { cacheBytes: 2 * 1024 * 1024 });
    this.byKey = prepareByKey(this.#db);
    const end = (order: 'ASC' | 'DESC') => {
      const sql = `SELECT client_msg_id AS k FROM entry ORDER BY client_msg_id ${order} LIMIT 1`;
      return Buffer.from(this.#db.query<{ k: string }, []>(sql).get()?.k ?? '');
    };
    this.minKey = end('ASC');
    this.maxKey = end('DESC');
  }

  close(): void {
    this.#db.close();
  }
}
