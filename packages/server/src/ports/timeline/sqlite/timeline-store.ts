// The writing side of the SQLite timeline: assigns seqs without holes and begins new months. Runs on the writer thread.

import { assert, unreachable } from '@hongyan/base/assert';
import { type Clock, systemClock } from '@hongyan/base/clock';
import type { ConversationId } from '@hongyan/protocol/ids';
import { isUnavailable } from '../../../adapters/sqlite/failure.ts';
import type { BatchStore } from '../../../adapters/sqlite/writer-thread-server.ts';
import type { NewEntry, StoredEntry } from '../timeline.ts';
import { ClosedMonth } from './closed-month.ts';
import { Erasures } from './erasures.ts';
import { HeadsFile } from './heads-file.ts';
import { type Month, monthOf } from './month.ts';
import { deleteMonth, deleteOrphanedLogs, listMonths } from './month-files.ts';
import { MonthReader } from './month-reader.ts';
import { MonthWriter, type TailLimits } from './month-writer.ts';
import { packId } from './packed-id.ts';
import {
  type AppendOp,
  type Duplicate,
  entriesOf,
  measure,
  type TimelineOp,
  type TimelineResult,
} from './timeline-op.ts';

export interface TimelineInit {
  readonly folder: string;
  readonly maxBytes?: number | undefined;
  readonly tailLimits?: TailLimits | undefined;
  /**
   * The number of heads of a closed month that one step of upkeep copies. Tests lower it to reach several steps with few conversations.
   */
  readonly headsPerStep?: number | undefined;
}

/** The time before the end of a month in which the tail is drained early. Sorting the longest tail takes one or two minutes. */
const endingMs = 5 * 60_000;

export class TimelineStore implements BatchStore<TimelineOp, TimelineResult> {
  readonly #init: TimelineInit;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #heads: HeadsFile;
  readonly #erasures: Erasures;
  /** Oldest first. */
  #closed: ClosedMonth[] = [];
  #current: MonthWriter | undefined;
  #isInTransaction = false;

  constructor(init: TimelineInit, clock: Pick<Clock, 'nowMs'> = systemClock) {
    this.#init = init;
    this.#clock = clock;
    this.#erasures = new Erasures(init.folder, () => this.#closed.map(({ reader }) => reader));
    this.#heads = HeadsFile.openForWriting(init.folder);
    try {
      this.#openMonths();
    } catch (error) {
      this.#closeFiles();
      throw error;
    }
  }

  #openMonths(): void {
    const { folder } = this.#init;
    this.#heads.assertNothingLost();
    deleteOrphanedLogs(folder);
    const months = listMonths(folder);
    const newest = months.pop();
    for (const month of months) this.#closed.push(this.#finish(month));
    if (newest === undefined) return;
    this.#current = this.#openMonth(newest);
    this.#heads.beginMonth(newest);
    this.#erasures.turnTo(this.#current);
    this.#tryToErase();
  }

  /** All entries of a batch are stored in the latest of their months, so that no month has an entry of a later one [M18]. */
  begin(ops: readonly TimelineOp[]): void {
    this.#isInTransaction = false;
    const incoming = { rows: 0, contentLength: 0, latestMs: Number.NEGATIVE_INFINITY };
    for (const op of ops) if (op.type === 'append') measure(incoming, op);
    const setsState = ops.some(({ type }) => type === 'set_state');
    if (incoming.rows === 0 && !setsState) return;
    const current = incoming.rows === 0 ? this.#current : this.#monthFor(monthOf(incoming.latestMs));
    assert(current, 'a message whose state is set exists');
    current.begin(incoming);
    this.#isInTransaction = true;
  }

  apply(op: TimelineOp): TimelineResult {
    switch (op.type) {
      case 'append':
        return this.#append(op);
      case 'set_state':
        assert(this.#current && this.#isInTransaction, 'a state is set within a transaction');
        this.#current.setState(op.change);
        return { type: 'state_set' };
      case 'retain':
        return this.#retain(monthOf(op.fromMs));
      default:
        return unreachable(op);
    }
  }

  commit(): void {
    if (this.#isInTransaction && this.#current) {
      this.#current.commit();
      try {
        this.#erasures.overwrite();
      } catch {
        // The commit has succeeded, so a failure here must not reject the batch. Upkeep retries, where a bug ends the thread.
      }
    }
    this.#isInTransaction = false;
  }

  rollback(): void {
    if (this.#isInTransaction) this.#current?.rollback();
    this.#isInTransaction = false;
  }

  upkeep(): boolean {
    if (!this.#current) return false;
    const nowMs = this.#clock.nowMs();
    const isEnding = monthOf(nowMs) === this.#current.month && monthOf(nowMs + endingMs) !== this.#current.month;
    const isMoreToSort = this.#current.upkeep({ isEnding });
    const areMoreHeads = this.#copyHeads();
    return this.#erasures.step() || isMoreToSort || areMoreHeads;
  }

  /** Copies some heads of the oldest month whose heads are not all in heads.db. Returns whether there may be more. */
  #copyHeads(): boolean {
    const closed = this.#closed.find(({ areHeadsCopied }) => !areHeadsCopied);
    if (closed === undefined) return false;
    try {
      closed.copyHeads(this.#heads);
      return true;
    } catch (error) {
      // The disk is full. Reads continue to use the month itself, and the next upkeep retries.
      if (isUnavailable(error)) return false;
      throw error;
    }
  }

  /** Completes pending erasures, unless the disk or a reader prevents it. Then the next start continues. */
  close(): void {
    try {
      this.#erasures.finish();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    } finally {
      this.#closeFiles();
    }
  }

  #closeFiles(): void {
    for (const month of this.#closed) month.close();
    this.#current?.close();
    this.#heads.close();
    this.#erasures.close();
  }

  #append(op: AppendOp): TimelineResult {
    const current = this.#current;
    assert(current && this.#isInTransaction, 'an append is within a transaction');
    const duplicates: Duplicate[] = [];
    const outcomes: number[] = [];
    const counts: number[] = [];
    for (const entry of entriesOf(op)) {
      if (entry.needsPrevious && !((outcomes.at(-1) ?? 0) > 0)) {
        outcomes.push(0);
        counts.push(0);
        continue;
      }
      const earlier = this.#inClosedMonths(entry);
      const outcome = earlier ? { type: 'sorted' as const, entry: earlier } : current.append(entry);
      if (outcome.type === 'committed') {
        outcomes.push(outcome.seq);
        counts.push(outcome.count);
      } else {
        outcomes.push(-duplicates.push(outcome));
        counts.push(0);
      }
    }
    const { month, sortedThrough } = current;
    return { type: 'appended', month, outcomes, counts, duplicates, sortedThrough };
  }

  /** On a full disk the erasures stay recorded, for the next commit, upkeep, month or start. */
  #tryToErase(): void {
    try {
      this.#erasures.overwrite();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }

  /** When the clock steps back, the newest month stays the current one, because positions only grow. */
  #monthFor(wanted: Month): MonthWriter {
    if (!this.#current || wanted > this.#current.month) this.#current = this.#turnOver(this.#current, wanted);
    return this.#current;
  }

  /** When anything fails, the previous month stays the current one. */
  #turnOver(from: MonthWriter | undefined, to: Month): MonthWriter {
    from?.drainAll();
    const next = this.#openMonth(to);
    try {
      this.#heads.beginMonth(to);
      if (from) {
        next.takeOverErasures(from);
        this.#closed.push(this.#closedMonth(from.month, { areHeadsCopied: false }));
      }
    } catch (error) {
      next.close();
      throw error;
    }
    this.#erasures.turnTo(next);
    from?.close();
    return next;
  }

  /**
   * Called at the start, because a crash may have happened between the last entry of a month and the begin of the next one, or before all
   * heads of the month were copied.
   */
  #finish(month: Month): ClosedMonth {
    if (isSettled(this.#init.folder, month))
      return this.#closedMonth(month, { areHeadsCopied: this.#heads.isClosed(month) });
    const writer = this.#openMonth(month);
    try {
      writer.drainAll();
      this.#erasures.turnTo(writer);
      this.#erasures.finish();
    } finally {
      this.#erasures.turnTo(undefined);
      writer.close();
    }
    return this.#closedMonth(month, { areHeadsCopied: false });
  }

  #closedMonth(month: Month, { areHeadsCopied }: { readonly areHeadsCopied: boolean }): ClosedMonth {
    const { folder, headsPerStep } = this.#init;
    return new ClosedMonth({ folder, month, areHeadsCopied, headsPerStep });
  }

  #openMonth(month: Month): MonthWriter {
    const { folder, maxBytes, tailLimits } = this.#init;
    const headBefore = (id: ConversationId) => this.#headInClosed(id);
    return new MonthWriter({ folder, month, maxBytes, tailLimits, headBefore });
  }

  /** [D2] heads.db may be behind the months whose heads are not all copied, so these are read themselves, the newest first. */
  #headInClosed(conversationId: ConversationId): { readonly lastSeq: number; readonly lastCount: number } {
    for (const closed of this.#closed.toReversed()) {
      if (closed.areHeadsCopied) break;
      const head = closed.head(conversationId);
      if (head) return head;
    }
    const head = this.#heads.head(conversationId);
    return { lastSeq: head?.last_seq ?? 0, lastCount: head?.last_count ?? 0 };
  }

  /** [D3] Looks the key up only when the month's range of keys includes it, which is almost never the case for UUIDv7 keys. */
  #inClosedMonths({ from, clientMsgId }: NewEntry): StoredEntry | undefined {
    if (this.#closed.length === 0) return undefined;
    const key = packId(clientMsgId);
    for (const { keys, reader } of this.#closed) {
      const entry = keys.mayHold(key) ? reader.byKey(clientMsgId, from) : undefined;
      if (entry) return entry;
    }
    return undefined;
  }

  /** Retains the newest month with entries. A later month may have begun with duplicates only. */
  #retain(oldestKept: Month): TimelineResult {
    const newest = this.#current?.hasEntries ? undefined : this.#closed.findLast(({ reader }) => reader.lastP() > 0);
    for (let oldest = this.#closed[0]; oldest && oldest !== newest; oldest = this.#closed[0]) {
      if (oldest.reader.month >= oldestKept) break;
      // [D2] Its file is the only copy of heads that are not in heads.db yet.
      while (!oldest.areHeadsCopied) oldest.copyHeads(this.#heads);
      // The file is deleted first: while it exists, the month must be searched for keys, and recalled text is erased in it.
      deleteMonth(this.#init.folder, oldest.reader.month);
      this.#closed = this.#closed.slice(1);
      oldest.close();
      this.#erasures.drop(oldest.reader.month);
    }
    return { type: 'retained' };
  }
}

function isSettled(folder: string, month: Month): boolean {
  const reader = MonthReader.open(folder, month);
  try {
    return reader?.isSettled ?? false;
  } finally {
    reader?.close();
  }
}
