// Reads of one month's file, on a connection of their own: committed rows only, and only by ranges of a key.

import type { Database } from 'bun:sqlite';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { openReader } from '../../../adapters/sqlite/open.ts';
import type { MessageState, StoredEntry } from '../timeline.ts';
import { entryOf, seqMax } from './entry-row.ts';
import { KeyRange } from './key-range.ts';
import type { Month } from './month.ts';
import { monthPath } from './month-files.ts';
import { assertLayout } from './month-schema.ts';
import {
  type EndRow,
  type LocatedRow,
  type MonthHead,
  type MonthStatements,
  prepareMonth,
} from './month-statements.ts';
import { packId } from './packed-id.ts';

/** An entry with its place in the commits of its month. */
export interface Placed {
  readonly p: number;
  readonly entry: StoredEntry;
}

interface PageRequest {
  readonly conversationId: ConversationId;
  /** Entries with a target too. */
  readonly withTargeted: boolean;
  readonly limit: number;
  /**
   * Entries of later commits are left out. Of the month being written some may be sorted and others not, and not in the order of
   * their seqs: whoever asks knows up to where all are sorted, or has those that are not.
   */
  readonly throughP: number;
}

interface SeqRange {
  readonly conversationId: ConversationId;
  readonly fromSeq: number;
  readonly throughSeq: number;
}

/**
 * All but `tailAfter`, `lastP`, the states and the mentions see sorted rows only: what is still in the tail of the month being written is not
 * among them.
 */
export class MonthReader {
  readonly month: Month;
  readonly #db: Database;
  readonly #sql: MonthStatements;

  private constructor(month: Month, db: Database) {
    this.month = month;
    this.#db = db;
    this.#sql = prepareMonth(db);
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
  after(
    { conversationId, withTargeted, afterSeq, limit, throughP }: PageRequest & { readonly afterSeq: number },
    take: Take,
  ): void {
    const sql = withTargeted ? this.#sql.afterMerged : this.#sql.after;
    const rows = sql.iterate(conversationId, Math.min(afterSeq, seqMax), limit, throughP);
    for (const row of rows) if (!take(entryOf(row, conversationId))) return;
  }

  /** Descending, seq < beforeSeq, until `take` returns false. */
  before(
    { conversationId, withTargeted, beforeSeq, limit, throughP }: PageRequest & { readonly beforeSeq: number },
    take: Take,
  ): void {
    const sql = withTargeted ? this.#sql.beforeMerged : this.#sql.before;
    const rows = sql.iterate(conversationId, Math.min(beforeSeq, seqMax), limit, throughP);
    for (const row of rows) if (!take(entryOf(row, conversationId))) return;
  }

  /** The entry there, when it has no target. */
  at(conversationId: ConversationId, seq: number): StoredEntry | undefined {
    const row = this.#sql.at.get(conversationId, Math.min(seq, seqMax));
    return row ? entryOf(row, conversationId) : undefined;
  }

  lastCounted(conversationId: ConversationId): StoredEntry | undefined {
    const row = this.#sql.lastCounted.get(conversationId);
    return row ? entryOf(row, conversationId) : undefined;
  }

  /** The newest entry of a conversation in the month. */
  last(conversationId: ConversationId): EndRow | undefined {
    const [one, other] = this.#sql.last.all(conversationId);
    return one && other && other.seq > one.seq ? other : one;
  }

  /** Where conversations stand at the end of the month, in the order of their ids; at seq 0 those that have no entry in it. */
  heads({ after, limit }: { readonly after: string; readonly limit: number }): readonly MonthHead[] {
    return this.#sql.heads.all(after, limit);
  }

  firstSeq(conversationId: ConversationId): Seq | undefined {
    const [one, other] = this.#sql.first.all(conversationId);
    return one && other && other.seq < one.seq ? other.seq : one?.seq;
  }

  /** Counted entries of the conversation up to `seq`; undefined when the month does not tell. */
  countAt(conversationId: ConversationId, seq: number): number | undefined {
    return this.#sql.countAt.get(conversationId, Math.min(seq, seqMax))?.count;
  }

  /** Counted entries of the conversation before the month; undefined when the month does not tell. */
  countBeforeFirst(conversationId: ConversationId): number | undefined {
    return this.#sql.countBeforeFirst.get(conversationId)?.count;
  }

  /** States that messages of the range got in this month; the messages may be in older ones. */
  states({ conversationId, fromSeq, throughSeq }: SeqRange, take: (seq: Seq, state: MessageState) => void): void {
    // Of a page of messages: all at once costs half of one by one.
    const rows = this.#sql.states.all(conversationId, Math.min(fromSeq, seqMax), Math.min(throughSeq, seqMax));
    for (const row of rows) take(row.seq, { asOfSeq: row.as_of_seq, stateJson: row.state });
  }

  /** How many messages of the range were erased in this month. */
  erased({ conversationId, fromSeq, throughSeq }: SeqRange): number {
    const [from, through] = [Math.min(fromSeq, seqMax), Math.min(throughSeq, seqMax)];
    return this.#sql.erased.get(conversationId, from, through)?.count ?? 0;
  }

  /** Messages that were pinned in this month; a later one may know better. */
  pinned(conversationId: ConversationId): Seq[] {
    return this.#sql.pinned.all(conversationId).map(({ seq }) => seq);
  }

  /** undefined when the message was not changed in this month. */
  isPinned(conversationId: ConversationId, seq: Seq): boolean | undefined {
    const row = this.#sql.isPinned.get(conversationId, seq);
    return row ? row.is_pinned === 1 : undefined;
  }

  /** How many messages of the range mention the user, or all; not the erased ones. */
  mentions({ conversationId, fromSeq, throughSeq }: SeqRange, userId: UserId): number {
    const [from, through] = [Math.min(fromSeq, seqMax), Math.min(throughSeq, seqMax)];
    return this.#sql.mentions.get(conversationId, userId, from, through)?.count ?? 0;
  }

  /** Whether there is a content or a state of the message in the month: its own, or of an entry that changed it. */
  holdsMessage(conversationId: ConversationId, seq: number): boolean {
    return this.#sql.holds.get(conversationId, seq)?.found === 1;
  }

  /** Whether the month remembers that the message was erased, and that some byte of the files may still hold it. */
  isBeingErased(conversationId: ConversationId, seq: number): boolean {
    return this.#sql.isBeingErased.get(conversationId, seq)?.found === 1;
  }

  /** Nothing is left to be sorted or erased. */
  get isSettled(): boolean {
    return this.#sql.unsettled.get()?.found === 0;
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

  /** Until `endSnapshot` all reads see one state of the file, and cost a quarter less: a read alone takes and gives back a lock. */
  beginSnapshot(): void {
    this.#db.run('BEGIN');
  }

  endSnapshot(): void {
    if (this.#db.inTransaction) this.#db.run('COMMIT');
  }

  close(): void {
    this.#db.close();
  }
}

/** Returns whether more is wanted. */
export type Take = (entry: StoredEntry) => boolean;

const placed = (row: LocatedRow): Placed => ({ p: row.p, entry: entryOf(row, row.conversation_id) });
