// Writes the current month. Commits append to a tail, and between the commits thousands of rows at a time are sorted into the month.
//
// Reads need the entries of a conversation side by side: then a history page is two or three pages of the file, however large the month is.
// Writes arrive in the order of commits: over ten thousand conversations each row would dirty a different page, which is written twice (log
// and file). So a row has two forms: `tail` and the sorted tables.
//
// `tail` is in the order of commits. A message that commits alone dirties one page, and sometimes two or three. The table has no index: the
// writer holds the keys of the tail in memory to find duplicates, and the reading thread holds its entries to answer reads of the newest
// entries, sync, lookups and the end of the feed.
//
// The sorted tables are `entry`, by n = conversation_no << 32 | seq, whose primary key also guards the seqs [D2]; `change`, the same for
// entries with a target, so that these are not between messages; `feed`, by p; and `by_msg_id` and `by_key`, where UUIDv7 ids are appended.
// Ids that are UUIDs take 16 bytes, and senders and conversations are numbers.
//
// A drain moves the whole tail in steps of about half a millisecond between the batches. Each step is a transaction without an fsync, and
// rows are deleted from the tail last. After a crash some rows are in both forms. The next start moves them again and ignores those that
// exist already. When the tail reaches its bound, appends wait for the drain, so that at most rowsMax rows are in memory.
//
// The cost of a drain is the pages of `entry`, about one per conversation in the tail. It therefore waits for twelve rows per conversation:
// with a few hundred active conversations the tail holds 16,000 rows, with ten thousand evenly active ones 120,000. In the last minutes of
// a month it does not wait, so that the first append of the next month has only a thousand or two rows to sort.
//
// Measured on two busy cores, CPU of the writer thread: 11 µs per row in batches of 5,000 over 10,000 evenly active conversations. 1.4 µs
// of it are the tail, 1.6 µs feed, indexes and deletion, and the rest the scattered pages of entry; 3 µs are in the kernel. With half as
// long a tail a row costs a fifth more. A message that commits alone costs about 100 µs, two thirds of it the kernel's fsync and wake-ups.
// A file takes 260–275 bytes per row with 90 bytes of content.
//
// Not chosen: entries clustered without a tail (one page per row, limited by the disk); an index (conversation, seq) beside rows in the
// order of commits (a scattered page of the index per row instead, and 50 pages for a history page); the feed as the index of msg_id (ids
// need not be in the order of commits); a number per key instead of its 16 bytes (two keys may collide).

import type { Database } from 'bun:sqlite';
import { assert } from '@hongyan/base/assert';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import QuickLRU from 'quick-lru';
import { isUnavailable } from '../../../adapters/sqlite/failure.ts';
import { closeWriter, type Transaction, transactionOf } from '../../../adapters/sqlite/open.ts';
import type { Mentioned, NewEntry, StateChange } from '../timeline.ts';
import { Drain, type DrainStatements, prepareDrain, rowsPerStep } from './drain.ts';
import { seqMax } from './entry-row.ts';
import { Eraser, type Erasure, type PendingErasure } from './erasure.ts';
import type { KeyRange } from './key-range.ts';
import type { Month } from './month.ts';
import { monthPath } from './month-files.ts';
import { MonthReader } from './month-reader.ts';
import { openMonthWriter, setUpMonth } from './month-schema.ts';
import { prepareWrites, type WriteStatements } from './month-write-statements.ts';
import { type PackedId, packId, unpackId } from './packed-id.ts';
import { TailIndex, type WriterHead } from './tail-index.ts';
import type { Duplicate, Placement } from './timeline-op.ts';

export interface MonthWriterOptions {
  readonly folder: string;
  readonly month: Month;
  readonly maxBytes?: number | undefined;
  readonly tailLimits?: TailLimits | undefined;
  /** The head of a conversation at the end of the earlier months. */
  readonly headBefore: (conversationId: ConversationId) => Pick<WriterHead, 'lastSeq' | 'lastCount'>;
}

/** When to drain the tail, which takes about a kilobyte per row in memory on both threads. */
export interface TailLimits {
  readonly drainAtRows: number;
  /** A drain writes about a page per conversation. With fewer rows per conversation it waits until the tail has half of rowsMax. */
  readonly rowsPerConversationMin: number;
  /** Appends beyond it wait for the drain. */
  readonly rowsMax: number;
  /** The number of cached heads. The least recently used are evicted. */
  readonly headsMax?: number;
}

const tailLimitsDefault: TailLimits = { drainAtRows: 16_384, rowsPerConversationMin: 12, rowsMax: 262_144 };
/** The size of the contents of the tail at which to drain it, in UTF-16 units. */
const drainAtContent = 16 * 1024 * 1024;
/** Larger than the number of rows that a tail can hold. */
const headsMaxDefault = 400_000;

export class MonthWriter {
  readonly month: Month;
  readonly #options: MonthWriterOptions;
  readonly #limits: TailLimits;
  readonly #db: Database;
  readonly #reader: MonthReader;
  readonly #transaction: Transaction;
  readonly #sql: WriteStatements;
  readonly #drainSql: DrainStatements;
  readonly #eraser: Eraser;
  readonly #heads: QuickLRU<ConversationId, WriterHead>;
  /**
   * Evicted heads of conversations with rows in the tail, which the sorted tables do not contain yet. Such a head can be evicted when many
   * batches failed since its rows were appended, for example on a full disk.
   */
  readonly #evictedHeads = new Map<ConversationId, WriterHead>();
  readonly #senderNos = new QuickLRU<UserId, number>({ maxSize: 200_000 });
  readonly #tail: TailIndex;
  /** Rows up to this p were in the tail when the file was opened. */
  readonly #foundThrough: number;
  #sortedKeys: KeyRange;
  #drain: Drain | undefined;
  /** The steps of the drain that appends since its begin require, so that it ends before the tail is full. */
  #stepsOwed = 0;
  #batch: Batch | undefined;
  /** The number of the newest committed row of pending_erasure; equals `#erasuresDone` when none is left. */
  #lastErasure: number;
  #erasuresDone: number;

  constructor(options: MonthWriterOptions) {
    const { folder, month, maxBytes, tailLimits = tailLimitsDefault } = options;
    this.month = month;
    this.#options = options;
    this.#limits = tailLimits;
    this.#heads = new QuickLRU({
      maxSize: tailLimits.headsMax ?? headsMaxDefault,
      onEviction: (id: ConversationId, head: WriterHead) => {
        if (head.tailRows > 0) this.#evictedHeads.set(id, head);
      },
    });
    const path = monthPath(folder, month);
    this.#db = openMonthWriter(path, maxBytes === undefined ? {} : { maxBytes });
    try {
      setUpMonth(this.#db, path);
      const reader = MonthReader.open(folder, month);
      assert(reader, 'a month that was set up has its tables');
      this.#reader = reader;
    } catch (error) {
      // On a full disk every append tries to begin the month again, so each attempt must close its connection.
      this.#db.close();
      throw error;
    }
    this.#transaction = transactionOf(this.#db);
    this.#sql = prepareWrites(this.#db);
    this.#drainSql = prepareDrain(this.#db);
    this.#eraser = new Eraser(this.#db);
    const { first, last } = this.#sql.erasureBounds.get() ?? { first: 1, last: 0 };
    this.#lastErasure = last;
    this.#erasuresDone = first - 1;
    this.#sortedKeys = this.#reader.keyRange();
    this.#tail = this.#loadTail();
    this.#foundThrough = this.#tail.nextP - 1;
  }

  /** Every row up to this p is in the sorted tables and no longer in the tail. */
  get sortedThrough(): number {
    return this.#tail.firstP - 1;
  }

  /** Whether the month has committed entries. */
  get hasEntries(): boolean {
    return (this.#batch?.fromP ?? this.#tail.nextP) > 1;
  }

  begin(incoming: { readonly rows: number; readonly contentLength: number }): void {
    this.#makeRoom(incoming);
    this.#batch = { fromP: this.#tail.nextP, newConversations: [], newSenders: [], erasures: 0 };
    this.#transaction.begin();
  }

  /** Returns the first entry when the key exists [D3]. */
  append(entry: NewEntry): Placement | Duplicate {
    const { conversationId, from, clientMsgId, timestampMs, contentJson, isCounted, references, target } = entry;
    const key = packId(clientMsgId);
    const senderNo = this.#senderNo(from);
    const inTail = this.#tail.byKey(senderNo, clientMsgId);
    if (inTail) return { type: 'in_tail', p: inTail.p };
    const first = this.#isSorted(key, senderNo) ? this.#reader.byKey(clientMsgId, from) : undefined;
    if (first) return { type: 'sorted', entry: first };
    const head = this.#head(conversationId);
    const seq = head.lastSeq + 1;
    assert(seq <= seqMax, 'the seq of an entry fits into n', seq);
    const count = head.lastCount + (isCounted ? 1 : 0);
    if (target) this.#change(head, entry);
    const targetSeq = target?.seq ?? 0;
    this.#sql.append.run(
      this.#tail.nextP,
      head.no,
      seq,
      packId(entry.msgId),
      senderNo,
      key,
      timestampMs,
      contentJson,
      count,
      isCounted ? 1 : 0,
      references?.json ?? null,
      targetSeq === 0 ? null : targetSeq,
    );
    if (references?.mentioned !== undefined) this.#mention(head.no, seq, references.mentioned);
    head.lastSeq = seq;
    head.lastCount = count;
    this.#tail.add({ head, senderNo, clientMsgId, contentLength: contentJson.length, isCounted, targetSeq }, key);
    return { type: 'committed', seq, count };
  }

  /** Uses the write connection. Each commit invalidates the page cache of the reader, so that its query would take ten times as long. */
  #isSorted(key: PackedId, senderNo: number): boolean {
    return this.#sortedKeys.mayHold(key) && this.#sql.findKey.get(key, senderNo) !== null;
  }

  setState({ conversationId, seq, asOfSeq, stateJson, isPinned }: StateChange): void {
    const { no } = this.#head(conversationId);
    this.#sql.setState.run(no, seq, asOfSeq, stateJson, 0, isPinned ? 1 : 0);
  }

  #mention(conversationNo: number, seq: number, mentioned: Mentioned): void {
    const userNos = mentioned === 'all' ? [0] : mentioned.map((userId) => this.#senderNo(userId));
    for (const userNo of new Set(userNos)) this.#sql.mention.run(userNo, conversationNo, seq);
  }

  /** Applies the next entry of a conversation to its target. */
  #change(head: WriterHead, { conversationId, isCounted, target }: NewEntry): void {
    assert(target && !isCounted, 'an entry that changes a message is a state entry');
    const { seq, stateJson, isPinned, erasedJson } = target;
    const asOfSeq = head.lastSeq + 1;
    assert(seq >= 1 && seq < asOfSeq, `entry ${asOfSeq} changes an earlier one; not ${seq}`);
    this.#sql.setState.run(head.no, seq, asOfSeq, stateJson, erasedJson === undefined ? 0 : 1, isPinned ? 1 : 0);
    if (erasedJson === undefined) return;
    const erasure = { conversationId, seq, bySeq: asOfSeq as Seq, contentJson: erasedJson };
    this.#eraser.erase(erasure, this.#tail.pOfMessage({ head, seq }));
    this.#remember(erasure, head.no);
  }

  /**
   * Records, in the transaction of the batch, an erasure whose old content may still be in some byte of the files. It is completed after
   * the batch, or after a crash.
   */
  #remember({ seq, bySeq, contentJson }: Erasure, conversationNo: number): void {
    assert(this.#batch, 'an erasure is recorded within a batch');
    const no = this.#lastErasure + ++this.#batch.erasures;
    this.#sql.remember.run(no, conversationNo, seq, bySeq, contentJson);
  }

  /** Takes over the pending erasures of the previous month. */
  takeOverErasures(from: MonthWriter): void {
    if (!from.hasErasures) return;
    this.begin({ rows: 0, contentLength: 0 });
    try {
      for (const erasure of from.erasuresAfter(0)) {
        // Not by the head, which the previous month may not have handed over yet.
        const { no } = this.#numberOf(erasure.conversationId);
        this.#remember(erasure, no);
      }
      this.commit();
    } catch (error) {
      this.rollback();
      throw error;
    }
    from.forgetErasures(from.lastErasure);
  }

  /** The number of the newest recorded erasure. Erasures are numbered in the order in which they were made. */
  get lastErasure(): number {
    return this.#lastErasure;
  }

  get hasErasures(): boolean {
    return this.#lastErasure > this.#erasuresDone;
  }

  erasuresAfter(no: number): readonly PendingErasure[] {
    return this.#sql.erasuresAfter.all(no);
  }

  /** Deletes completed erasures. Not durable, because completing them again changes nothing. */
  forgetErasures(throughNo: number): void {
    this.#transaction.begin({ isDurable: false });
    try {
      this.#sql.forgetErasures.run(throughNo);
      this.#transaction.commit();
    } catch (error) {
      this.#transaction.rollback();
      throw error;
    }
    this.#erasuresDone = throughNo;
  }

  /** The write connection, for a sweep of the file. */
  get db(): Database {
    return this.#db;
  }

  commit(): void {
    this.#transaction.commit();
    if (!this.#batch) return;
    if (this.#drain) this.#stepsOwed += (1.5 * (this.#tail.nextP - this.#batch.fromP)) / rowsPerStep;
    this.#lastErasure += this.#batch.erasures;
    this.#batch = undefined;
  }

  rollback(): void {
    this.#transaction.rollback();
    if (!this.#batch) return;
    this.#tail.undo(this.#batch.fromP);
    for (const id of this.#batch.newConversations) {
      this.#heads.delete(id);
      this.#evictedHeads.delete(id);
    }
    for (const id of this.#batch.newSenders) this.#senderNos.delete(id);
    this.#batch = undefined;
  }

  /** Executes some steps of the drain when the tail is large enough. Returns whether steps are left. */
  upkeep({ isEnding }: { readonly isEnding: boolean }): boolean {
    try {
      return this.#step({ isEnding, stepsMax: Math.max(1, Math.floor(this.#stepsOwed)) });
    } catch (error) {
      // The disk is full. The rows stay in the tail, and the next upkeep retries.
      if (isUnavailable(error)) return false;
      throw error;
    }
  }

  /** Throws when the disk is full. Rows that are not sorted stay in the tail. */
  drainAll(): void {
    while (this.#tail.size > 0) this.#step({ isForced: true });
  }

  close(): void {
    try {
      this.drainAll();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      // The rows stay in the tail, and the next writer of the file sorts them.
    } finally {
      this.#reader.close();
      closeWriter(this.#db);
    }
  }

  #isWorthDraining({ isEnding }: { readonly isEnding: boolean }): boolean {
    const { size, contentLength, conversations } = this.#tail;
    if (contentLength >= drainAtContent) return true;
    const { drainAtRows, rowsPerConversationMin, rowsMax } = this.#limits;
    // The first append of the next month waits for the remaining rows.
    if (isEnding) return size >= drainAtRows / 16;
    return size >= (size >= rowsPerConversationMin * conversations ? drainAtRows : rowsMax / 2);
  }

  /** Executes one step, or several in one transaction. Returns whether steps may be left. */
  #step({ isForced = false, isEnding = false, stepsMax = 1 }: StepOptions = {}): boolean {
    if (!this.#drain) {
      const { size, firstP, nextP } = this.#tail;
      if (size === 0 || !(isForced || this.#isWorthDraining({ isEnding }))) return false;
      const request = { fromP: firstP, throughP: nextP - 1, order: this.#tail.beginDrain() };
      this.#drain = new Drain(
        { ...request, isRepeat: firstP <= this.#foundThrough },
        this.#transaction,
        this.#drainSql,
      );
    }
    const drain = this.#drain;
    // [D3] The range of the sorted keys must include the rows before the first of them leaves the tail. When it cannot be read, no row
    // leaves.
    if (drain.isBeforeDeletion) this.#sortedKeys = this.#reader.keyRange();
    const steps = drain.step(stepsMax);
    this.#stepsOwed = Math.max(0, this.#stepsOwed - steps);
    const { deletedThrough, isDone } = drain;
    if (deletedThrough === undefined) return true;
    this.#tail.dropThrough(deletedThrough);
    if (!isDone) return true;
    this.#tail.endDrain();
    for (const [id, { tailRows }] of this.#evictedHeads) if (tailRows === 0) this.#evictedHeads.delete(id);
    this.#drain = undefined;
    this.#stepsOwed = 0;
    return true;
  }

  #makeRoom({ rows, contentLength }: { readonly rows: number; readonly contentLength: number }): void {
    const { rowsMax } = this.#limits;
    const contentMax = 2 * drainAtContent;
    while (
      this.#tail.size > 0 &&
      (this.#tail.size + rows > rowsMax || this.#tail.contentLength + contentLength > contentMax)
    ) {
      this.#step({ isForced: true });
    }
  }

  #head(conversationId: ConversationId): WriterHead {
    const known = this.#cachedHead(conversationId);
    if (known) return known;
    const { no, isNew } = this.#numberOf(conversationId);
    const last = isNew ? undefined : this.#reader.last(conversationId);
    const { lastSeq, lastCount } = last
      ? { lastSeq: last.seq, lastCount: last.count }
      : this.#options.headBefore(conversationId);
    const head = { no, lastSeq, lastCount, tailRows: 0, tailChanges: 0 };
    this.#heads.set(conversationId, head);
    if (isNew) this.#batch?.newConversations.push(conversationId);
    return head;
  }

  #cachedHead(conversationId: ConversationId): WriterHead | undefined {
    const known = this.#heads.get(conversationId);
    if (known || this.#evictedHeads.size === 0) return known;
    const held = this.#evictedHeads.get(conversationId);
    if (held) {
      this.#evictedHeads.delete(conversationId);
      this.#heads.set(conversationId, held);
    }
    return held;
  }

  #numberOf(conversationId: ConversationId): { readonly no: number; readonly isNew: boolean } {
    const found = this.#sql.findConversation.get(conversationId);
    if (found) return { no: found.no, isNew: false };
    return { no: Number(this.#sql.addConversation.run(conversationId).lastInsertRowid), isNew: true };
  }

  #senderNo(from: UserId): number {
    const known = this.#senderNos.get(from);
    if (known !== undefined) return known;
    const found = this.#sql.findSender.get(from);
    const no = found?.no ?? Number(this.#sql.addSender.run(from).lastInsertRowid);
    this.#senderNos.set(from, no);
    if (!found) this.#batch?.newSenders.push(from);
    return no;
  }

  #loadTail(): TailIndex {
    const rows = this.#sql.tail.all();
    const tail = new TailIndex(rows[0]?.p ?? this.#reader.lastP() + 1);
    for (const row of rows) {
      assert(row.p === tail.nextP, `the tail continues with row ${tail.nextP}; not ${row.p}`);
      const { conversation_no: no, seq: lastSeq, count: lastCount } = row;
      const known = this.#cachedHead(row.conversation_id);
      const head = known ?? { no, lastSeq, lastCount, tailRows: 0, tailChanges: 0 };
      head.lastSeq = lastSeq;
      head.lastCount = lastCount;
      if (!known) this.#heads.set(row.conversation_id, head);
      const added = {
        head,
        senderNo: row.sender_no,
        clientMsgId: unpackId(row.client_msg_id),
        contentLength: row.content_length,
        isCounted: row.is_counted === 1,
        targetSeq: row.target_seq ?? 0,
      };
      tail.add(added, row.client_msg_id);
    }
    return tail;
  }
}

interface StepOptions {
  readonly isForced?: boolean;
  readonly isEnding?: boolean;
  readonly stepsMax?: number;
}

/** The additions of the transaction, which a rollback reverts. */
interface Batch {
  readonly fromP: number;
  readonly newConversations: ConversationId[];
  readonly newSenders: UserId[];
  erasures: number;
}
