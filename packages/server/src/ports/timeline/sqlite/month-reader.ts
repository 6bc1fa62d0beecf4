// Reads one month's file on a separate connection: only committed rows, and only by ranges of a key.

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

/** An entry with its number among the commits of its month. */
export interface Placed {
  readonly p: number;
  readonly entry: StoredEntry;
}

interface PageRequest {
  readonly conversationId: ConversationId;
  /** Whether to include entries with a target. */
  readonly withTargeted: boolean;
  readonly limit: number;
  /**
   * Entries of later commits are left out. In the current month some entries are sorted and others are not, and not in the order of their
   * seqs. So the caller must know up to which p all are sorted, or have the unsorted ones.
   */
  readonly throughP: number;
}

interface SeqRange {
  readonly conversationId: ConversationId;
  readonly fromSeq: number;
  readonly throughSeq: number;
}

/**
 * Except `tailAfter`, `lastP`, states and mentions, all reads see only sorted rows: rows in the tail of the current month are not included.
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

  /** undefined while the writer has not created the month's tables yet. */
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

  /** The range of the keys of the sorted rows. */
  keyRange(): KeyRange {
    return new KeyRange(this.#db);
  }

  /** Ascending from seq > afterSeq, until `take` returns false. */
  after(
    { conversationId, withTargeted, afterSeq, limit, throughP }: PageRequest & { readonly afterSeq: number },
    take: Take,
  ): void {
    const sql = withTargeted ? this.#sql.afterMerged : this.#sql.after;
    const rows = sql.iterate(conversationId, Math.min(afterSeq, seqMax), limit, throughP);
    for (const row of rows) if (!take(entryOf(row, conversationId))) return;
  }

  /** Descending from seq < beforeSeq, until `take` returns false. */
  before(
    { conversationId, withTargeted, beforeSeq, limit, throughP }: PageRequest & { readonly beforeSeq: number },
    take: Take,
  ): void {
    const sql = withTargeted ? this.#sql.beforeMerged : this.#sql.before;
    const rows = sql.iterate(conversationId, Math.min(beforeSeq, seqMax), limit, throughP);
    for (const row of rows) if (!take(entryOf(row, conversationId))) return;
  }

  /** The entry at the seq, if it has no target. */
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

  /** The heads of conversations at the end of the month, ascending by id. seq is 0 for those without an entry in it. */
  heads({ after, limit }: { readonly after: string; readonly limit: number }): readonly MonthHead[] {
    return this.#sql.heads.all(after, limit);
  }

  firstSeq(conversationId: ConversationId): Seq | undefined {
    const [one, other] = this.#sql.first.all(conversationId);
    return one && other && other.seq < one.seq ? other.seq : one?.seq;
  }

  /** The number of counted entries of the conversation up to `seq`; undefined when the month does not have it. */
  countAt(conversationId: ConversationId, seq: number): number | undefined {
    return this.#sql.countAt.get(conversationId, Math.min(seq, seqMax))?.count;
  }

  /** The number of counted entries of the conversation before the month; undefined when the month does not have it. */
  countBeforeFirst(conversationId: ConversationId): number | undefined {
    return this.#sql.countBeforeFirst.get(conversationId)?.count;
  }

  /** The states that messages of the range received in this month. The messages may be in older months. */
  states({ conversationId, fromSeq, throughSeq }: SeqRange, take: (seq: Seq, state: MessageState) => void): void {
    // Reads all states of a page at once, which costs half as much as one by one.
    const rows = this.#sql.states.all(conversationId, Math.min(fromSeq, seqMax), Math.min(throughSeq, seqMax));
    for (const row of rows) take(row.seq, { asOfSeq: row.as_of_seq, stateJson: row.state });
  }

  /** The number of messages of the range that were erased in this month. */
  erased({ conversationId, fromSeq, throughSeq }: SeqRange): number {
    const [from, through] = [Math.min(fromSeq, seqMax), Math.min(throughSeq, seqMax)];
    return this.#sql.erased.get(conversationId, from, through)?.count ?? 0;
  }

  /** The messages that were pinned in this month. A later month may have newer states. */
  pinned(conversationId: ConversationId): Seq[] {
    return this.#sql.pinned.all(conversationId).map(({ seq }) => seq);
  }

  /** undefined when the message was not changed in this month. */
  isPinned(conversationId: ConversationId, seq: Seq): boolean | undefined {
    const row = this.#sql.isPinned.get(conversationId, seq);
    return row ? row.is_pinned === 1 : undefined;
  }

  /** The number of messages of the range that mention the user or everyone, except erased ones. */
  mentions({ conversationId, fromSeq, throughSeq }: SeqRange, userId: UserId): number {
    const [from, through] = [Math.min(fromSeq, seqMax), Math.min(throughSeq, seqMax)];
    return this.#sql.mentions.get(conversationId, userId, from, through)?.count ?? 0;
  }

  /** Whether the month has content or a state of the message: its entry, or an entry that changed it. */
  holdsMessage(conversationId: ConversationId, seq: number): boolean {
    return this.#sql.holds.get(conversationId, seq)?.found === 1;
  }

  /** Whether the month records that the message was erased and that some byte of the files may still contain it. */
  isBeingErased(conversationId: ConversationId, seq: number): boolean {
    return this.#sql.isBeingErased.get(conversationId, seq)?.found === 1;
  }

  /** Whether no row is left to sort or to erase. */
  get isSettled(): boolean {
    return this.#sql.unsettled.get()?.found === 0;
  }

  /** The p of the newest entry, including those in the tail; 0 when there is none. */
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

  /** The entries of all senders with the key, which is unique per sender only. */
  byKeyOfAnyone(clientMsgId: ClientMsgId): StoredEntry[] {
    return this.#sql.byKeyOfAnyone.all(packId(clientMsgId)).map((row) => entryOf(row, row.conversation_id));
  }

  /** The sorted entries with afterP < p <= throughP, in commit order. */
  feedAfter(afterP: number, throughP: number, limit: number): Placed[] {
    return this.#sql.feed.all(afterP, throughP, limit).map(placed);
  }

  /** The unsorted entries, in commit order. */
  tailAfter(afterP: number): Placed[] {
    return this.#sql.tail.all(afterP).map(placed);
  }

  /** Until `endSnapshot` all reads see one snapshot of the file, and cost a quarter less: a single read acquires and releases a lock. */
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

/** Returns whether to continue. */
export type Take = (entry: StoredEntry) => boolean;

const placed = (row: LocatedRow): Placed => ({ p: row.p, entry: entryOf(row, row.conversation_id) });
