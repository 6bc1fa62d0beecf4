// The month being written: a commit appends to a tail, and in between thousands of rows at a time are sorted into the month.
//
// Reads want the entries of a conversation side by side: then a history page is two or three pages of the file, however large the
// month is. Writes come in the order of commits: over ten thousand conversations each row would dirty a page of its own, written
// twice (log and file). So there are two forms of a row:
// - `tail`, in the order of commits. A message alone dirties one page, now and then two or three. It has no index: the writer
//   holds the keys of the tail in memory (a repeat is found there), the reading thread holds its entries (newest entries, sync,
//   lookups and the end of the feed are answered there).
// - the sorted tables: `entry` by n = conversation_no << 32 | seq, which is also the guard of seq [D2]; `change`, the same for
//   entries with a target, so that these do not lie between messages; `feed` by p; and `by_msg_id` and `by_key`, where UUIDv7 ids
//   append. Ids that are UUIDs take 16 bytes, senders and conversations are numbers.
// A drain moves the whole tail in steps of about half a millisecond between the batches, each a transaction without an fsync, and
// deletes it from the tail last. A crash in between leaves rows in both forms; the next start moves them again, and ignores what
// is there already. A tail beyond its bounds makes appends wait for the drain: never is more than rowsMax in memory.
// What a drain costs is pages of `entry`, about one for each conversation in the tail. It therefore waits for twelve rows for each
// conversation: with a few hundred conversations in use the tail holds 16,000 rows, with ten thousand evenly 120,000. In the last
// minutes of the month it does not wait, so that the first append of the next month finds a thousand or two to sort.
//
// Measured on two busy cores, CPU of the writer thread: 11 µs a row in batches of 5,000 over 10,000 conversations evenly (1.4 µs
// of it the tail, 1.6 µs feed, indexes and deletion, the rest the scattered pages of entry; 3 µs are the kernel's). Half as
// long a tail costs a fifth more. About 100 µs for a message that commits alone, two thirds of it the kernel's fsync and wake-ups.
// A file takes 260–275 bytes a row with 90 bytes of content.
//
// Not chosen: entries clustered without a tail (one page for each row: the disk is the limit); an index (conversation, seq) beside
// rows in the order of commits (a scattered page for each row in the index instead, and 50 pages for a history page); the feed
// as the index of msg_id (ids need not come in the order of commits); a number per key instead of its 16 bytes (two may collide).

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
import { type Standing, TailIndex } from './tail-index.ts';
import type { Duplicate, Placement } from './timeline-op.ts';

export interface MonthWriterOptions {
  readonly folder: string;
  readonly month: Month;
  readonly maxBytes?: number | undefined;
  readonly tailLimits?: TailLimits | undefined;
  /** Where a conversation stands at the end of the earlier months. */
  readonly standingBefore: (conversationId: ConversationId) => Pick<Standing, 'lastSeq' | 'lastCount'>;
}

/** When the tail is drained. It is in memory on both threads, at about a kilobyte a row. */
export interface TailLimits {
  readonly drainAtRows: number;
  /** A drain writes about a page for each conversation: while there are fewer rows for each of them it waits for half of rowsMax. */
  readonly rowsPerConversationMin: number;
  /** An append that would pass it waits for the drain. */
  readonly rowsMax: number;
  /** Conversations whose place is remembered, the least recently used leave. */
  readonly standingsMax?: number;
}

const tailLimitsDefault: TailLimits = { drainAtRows: 16_384, rowsPerConversationMin: 12, rowsMax: 262_144 };
/** Contents, in UTF-16 units. */
const drainAtContent = 16 * 1024 * 1024;
/** Above what a tail can hold. */
const standingsMaxDefault = 400_000;

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
  readonly #standings: QuickLRU<ConversationId, Standing>;
  /**
   * With rows in the tail, which the sorted tables do not tell of: they may be the least recently used when many batches failed since,
   * on a full disk.
   */
  readonly #heldStandings = new Map<ConversationId, Standing>();
  readonly #senderNos = new QuickLRU<UserId, number>({ maxSize: 200_000 });
  readonly #tail: TailIndex;
  /** Rows up to here were in the tail when the file was opened. */
  readonly #foundThrough: number;
  #sortedKeys: KeyRange;
  #drain: Drain | undefined;
  /** Steps of the drain that the appends since it began call for, so that it ends before the tail is full. */
  #stepsOwed = 0;
  #batch: Batch | undefined;
  /** Of the rows of pending_erasure that are committed; as `#erasuresDone` when none is left. */
  #lastErasure: number;
  #erasuresDone: number;

  constructor(options: MonthWriterOptions) {
    const { folder, month, maxBytes, tailLimits = tailLimitsDefault } = options;
    this.month = month;
    this.#options = options;
    this.#limits = tailLimits;
    this.#standings = new QuickLRU({
      maxSize: tailLimits.standingsMax ?? standingsMaxDefault,
      onEviction: (id: ConversationId, standing: Standing) => {
        if (standing.tailRows > 0) this.#heldStandings.set(id, standing);
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
      // A full disk at the turn of a month is tried again with every append: each try gives its connection back.
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

  /** Every row up to this p is in the sorted tables, and no longer in the tail. */
  get sortedThrough(): number {
    return this.#tail.firstP - 1;
  }

  /** Committed ones. */
  get hasEntries(): boolean {
    return (this.#batch?.fromP ?? this.#tail.nextP) > 1;
  }

  begin(incoming: { readonly rows: number; readonly contentLength: number }): void {
    this.#makeRoom(incoming);
    this.#batch = { fromP: this.#tail.nextP, newConversations: [], newSenders: [], erasures: 0 };
    this.#transaction.begin();
  }

  /** Returns the first entry when the key is taken [D3]. */
  append(entry: NewEntry): Placement | Duplicate {
    const { conversationId, from, clientMsgId, timestampMs, contentJson, isCounted, references, target } = entry;
    const key = packId(clientMsgId);
    const senderNo = this.#senderNo(from);
    const inTail = this.#tail.byKey(senderNo, clientMsgId);
    if (inTail) return { type: 'in_tail', p: inTail.p };
    const first = this.#isSorted(key, senderNo) ? this.#reader.byKey(clientMsgId, from) : undefined;
    if (first) return { type: 'sorted', entry: first };
    const standing = this.#standing(conversationId);
    const seq = standing.lastSeq + 1;
    assert(seq <= seqMax, 'a conversation has as many entries as fit into n', seq);
    const count = standing.lastCount + (isCounted ? 1 : 0);
    if (target) this.#change(standing, entry);
    const targetSeq = target?.seq ?? 0;
    this.#sql.append.run(
      this.#tail.nextP,
      standing.no,
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
    if (references?.mentioned !== undefined) this.#mention(standing.no, seq, references.mentioned);
    standing.lastSeq = seq;
    standing.lastCount = count;
    this.#tail.add({ standing, senderNo, clientMsgId, contentLength: contentJson.length, isCounted, targetSeq }, key);
    return { type: 'committed', seq, count };
  }

  /** By this connection, since each commit makes the reader forget its pages: a question to it takes ten times as long. */
  #isSorted(key: PackedId, senderNo: number): boolean {
    return this.#sortedKeys.mayHold(key) && this.#sql.findKey.get(key, senderNo) !== null;
  }

  setState({ conversationId, seq, asOfSeq, stateJson, isPinned }: StateChange): void {
    const { no } = this.#standing(conversationId);
    this.#sql.setState.run(no, seq, asOfSeq, stateJson, 0, isPinned ? 1 : 0);
  }

  #mention(conversationNo: number, seq: number, mentioned: Mentioned): void {
    const userNos = mentioned === 'all' ? [0] : mentioned.map((userId) => this.#senderNo(userId));
    for (const userNo of new Set(userNos)) this.#sql.mention.run(userNo, conversationNo, seq);
  }

  /** What the next entry of a conversation makes of its target. */
  #change(standing: Standing, { conversationId, isCounted, target }: NewEntry): void {
    assert(target && !isCounted, 'an entry that changes a message is a state entry');
    const { seq, stateJson, isPinned, erasedJson } = target;
    const asOfSeq = standing.lastSeq + 1;
    assert(seq >= 1 && seq < asOfSeq, `entry ${asOfSeq} changes an earlier one; not ${seq}`);
    this.#sql.setState.run(standing.no, seq, asOfSeq, stateJson, erasedJson === undefined ? 0 : 1, isPinned ? 1 : 0);
    if (erasedJson === undefined) return;
    const erasure = { conversationId, seq, bySeq: asOfSeq as Seq, contentJson: erasedJson };
    this.#eraser.erase(erasure, this.#tail.pOfMessage({ standing, seq }));
    this.#remember(erasure, standing.no);
  }

  /** With the batch: what was erased and is not gone from every byte of the files yet. Seen to after the batch, and after a crash. */
  #remember({ seq, bySeq, contentJson }: Erasure, conversationNo: number): void {
    assert(this.#batch, 'an erasure is remembered within a batch');
    const no = this.#lastErasure + ++this.#batch.erasures;
    this.#sql.remember.run(no, conversationNo, seq, bySeq, contentJson);
  }

  /** Remembers, in the place of the month before, what that one has not done yet. */
  takeOverErasures(from: MonthWriter): void {
    if (!from.hasErasures) return;
    this.begin({ rows: 0, contentLength: 0 });
    try {
      for (const erasure of from.erasuresAfter(0)) {
        // Not by the standing: the month before may not have handed over where the conversation stands.
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

  /** The number of the newest erasure that is remembered; they are numbered in the order they were made. */
  get lastErasure(): number {
    return this.#lastErasure;
  }

  get hasErasures(): boolean {
    return this.#lastErasure > this.#erasuresDone;
  }

  erasuresAfter(no: number): readonly PendingErasure[] {
    return this.#sql.erasuresAfter.all(no);
  }

  /** They are done. Not durable: doing them again changes nothing. */
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

  /** For a sweep of the file. */
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
      this.#standings.delete(id);
      this.#heldStandings.delete(id);
    }
    for (const id of this.#batch.newSenders) this.#senderNos.delete(id);
    this.#batch = undefined;
  }

  /** A few steps of the drain when the tail is large enough; returns whether more are left. */
  upkeep({ isEnding }: { readonly isEnding: boolean }): boolean {
    try {
      return this.#step({ isEnding, stepsMax: Math.max(1, Math.floor(this.#stepsOwed)) });
    } catch (error) {
      // A full disk: the tail keeps what it has, and the next upkeep tries again.
      if (isUnavailable(error)) return false;
      throw error;
    }
  }

  /** Throws when the disk is full; what is not sorted then stays in the tail. */
  drainAll(): void {
    while (this.#tail.size > 0) this.#step({ isForced: true });
  }

  close(): void {
    try {
      this.drainAll();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      // The tail stays, and the next one to open the file sorts it.
    } finally {
      this.#reader.close();
      closeWriter(this.#db);
    }
  }

  #isWorthDraining({ isEnding }: { readonly isEnding: boolean }): boolean {
    const { size, contentLength, conversations } = this.#tail;
    if (contentLength >= drainAtContent) return true;
    const { drainAtRows, rowsPerConversationMin, rowsMax } = this.#limits;
    // The first append of the next month waits for what is left.
    if (isEnding) return size >= drainAtRows / 16;
    return size >= (size >= rowsPerConversationMin * conversations ? drainAtRows : rowsMax / 2);
  }

  /** One step, or several in one transaction; returns whether there may be another. */
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
    // [D3] Before the first of the rows leaves the tail, the sorted keys include them all; where these cannot be read, none leaves.
    if (drain.isBeforeDeletion) this.#sortedKeys = this.#reader.keyRange();
    const steps = drain.step(stepsMax);
    this.#stepsOwed = Math.max(0, this.#stepsOwed - steps);
    const { deletedThrough, isDone } = drain;
    if (deletedThrough === undefined) return true;
    this.#tail.dropThrough(deletedThrough);
    if (!isDone) return true;
    this.#tail.endDrain();
    for (const [id, { tailRows }] of this.#heldStandings) if (tailRows === 0) this.#heldStandings.delete(id);
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

  #standing(conversationId: ConversationId): Standing {
    const known = this.#knownStanding(conversationId);
    if (known) return known;
    const { no, isNew } = this.#numberOf(conversationId);
    const last = isNew ? undefined : this.#reader.last(conversationId);
    const { lastSeq, lastCount } = last
      ? { lastSeq: last.seq, lastCount: last.count }
      : this.#options.standingBefore(conversationId);
    const standing = { no, lastSeq, lastCount, tailRows: 0, tailChanges: 0 };
    this.#standings.set(conversationId, standing);
    if (isNew) this.#batch?.newConversations.push(conversationId);
    return standing;
  }

  #knownStanding(conversationId: ConversationId): Standing | undefined {
    const known = this.#standings.get(conversationId);
    if (known || this.#heldStandings.size === 0) return known;
    const held = this.#heldStandings.get(conversationId);
    if (held) {
      this.#heldStandings.delete(conversationId);
      this.#standings.set(conversationId, held);
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
      const known = this.#knownStanding(row.conversation_id);
      const standing = known ?? { no, lastSeq, lastCount, tailRows: 0, tailChanges: 0 };
      standing.lastSeq = lastSeq;
      standing.lastCount = lastCount;
      if (!known) this.#standings.set(row.conversation_id, standing);
      const added = {
        standing,
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

/** What the transaction added, to be forgotten when it is rolled back. */
interface Batch {
  readonly fromP: number;
  readonly newConversations: ConversationId[];
  readonly newSenders: UserId[];
  erasures: number;
}
