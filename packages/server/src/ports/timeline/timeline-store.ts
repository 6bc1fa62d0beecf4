// The writing side of the SQLite timeline: gives seqs, keeps them without holes, turns the month over. Runs on the writer thread.

import { assert, unreachable } from '@hongyan/base/assert';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { BatchStore } from '../../adapters/sqlite/serve-group-commit.ts';
import { HeadsFile } from './heads-file.ts';
import type { KeyRange } from './key-range.ts';
import { deleteMonth, listMonths, type Month, monthOf } from './month-file.ts';
import { MonthReader } from './month-reader.ts';
import { MonthWriter, type TailLimits } from './month-writer.ts';
import { packId } from './packed-id.ts';
import type { NewEntry, StoredEntry } from './timeline.ts';
import {
  type Duplicate,
  entryAt,
  entryCountOf,
  type Field,
  type TimelineOp,
  type TimelineResult,
} from './timeline-op.ts';

export interface TimelineInit {
  readonly folder: string;
  readonly maxBytes?: number | undefined;
  readonly tailLimits?: TailLimits | undefined;
}

export class TimelineStore implements BatchStore<TimelineOp, TimelineResult> {
  readonly #init: TimelineInit;
  readonly #heads: HeadsFile;
  /** Oldest first. */
  #closed: ClosedMonth[] = [];
  #current: MonthWriter | undefined;
  #isInTransaction = false;

  constructor(init: TimelineInit) {
    this.#init = init;
    this.#heads = HeadsFile.openForWriting(init.folder);
    try {
      this.#openMonths();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #openMonths(): void {
    const { folder } = this.#init;
    this.#heads.assertNothingLost();
    const months = listMonths(folder);
    const newest = months.pop();
    for (const month of months) this.#finish(month);
    this.#closed = months.map((month) => new ClosedMonth(folder, month));
    if (newest === undefined) return;
    this.#current = this.#openMonth(newest);
    this.#heads.beginMonth(newest);
  }

  /** All entries of a batch go to one month, the latest of theirs, so that no month holds an entry of a later one [M18]. */
  begin(ops: readonly TimelineOp[]): void {
    this.#isInTransaction = false;
    const incoming = { rows: 0, contentLength: 0, latestMs: Number.NEGATIVE_INFINITY };
    for (const op of ops) if (op.type === 'append') measure(incoming, op.fields);
    if (incoming.rows === 0) return;
    const current = this.#monthFor(monthOf(incoming.latestMs));
    current.begin(incoming);
    this.#isInTransaction = true;
  }

  apply(op: TimelineOp): TimelineResult {
    switch (op.type) {
      case 'append':
        return this.#append(op.fields);
      case 'retain':
        return this.#retain(monthOf(op.fromMs));
      default:
        return unreachable(op);
    }
  }

  commit(): void {
    if (this.#isInTransaction) this.#current?.commit();
    this.#isInTransaction = false;
  }

  rollback(): void {
    if (this.#isInTransaction) this.#current?.rollback();
    this.#isInTransaction = false;
  }

  upkeep(): boolean {
    return this.#current?.upkeep() ?? false;
  }

  close(): void {
    for (const month of this.#closed) month.close();
    this.#current?.close();
    this.#heads.close();
  }

  #append(fields: readonly Field[]): TimelineResult {
    const current = this.#current;
    assert(current && this.#isInTransaction, 'an append is within a transaction of a month');
    const duplicates: Duplicate[] = [];
    const outcomes: number[] = [];
    for (let index = 0, count = entryCountOf(fields); index < count; index++) {
      const entry = entryAt(fields, index);
      const earlier = this.#inClosedMonths(entry);
      const outcome = earlier ? { type: 'sorted' as const, entry: earlier } : current.append(entry);
      if (typeof outcome === 'number') outcomes.push(outcome);
      else outcomes.push(-duplicates.push(outcome));
    }
    const { month, sortedThrough } = current;
    return { type: 'appended', month, outcomes, duplicates, sortedThrough };
  }

  /** A clock that stepped back keeps writing the newest month: positions only grow. */
  #monthFor(wanted: Month): MonthWriter {
    if (!this.#current || wanted > this.#current.month) this.#current = this.#turnOver(this.#current, wanted);
    return this.#current;
  }

  /** Whatever fails on the way, the month before stays the one being written. */
  #turnOver(from: MonthWriter | undefined, to: Month): MonthWriter {
    from?.drainAll();
    const next = this.#openMonth(to);
    try {
      this.#heads.beginMonth(to);
      if (from) this.#closeMonth(from.month);
    } catch (error) {
      next.close();
      throw error;
    }
    from?.close();
    return next;
  }

  /** Its heads are taken over last: a month whose heads are taken over MUST get no more entries. */
  #closeMonth(month: Month): void {
    const closed = new ClosedMonth(this.#init.folder, month);
    try {
      this.#heads.closeMonth(month);
    } catch (error) {
      closed.close();
      throw error;
    }
    this.#closed.push(closed);
  }

  /** At a start: a crash may have come between the last entry of a month and the end of its closing. */
  #finish(month: Month): void {
    if (this.#heads.isClosed(month) && isSorted(this.#init.folder, month)) return;
    const writer = this.#openMonth(month);
    try {
      writer.drainAll();
      this.#heads.closeMonth(month);
    } finally {
      writer.close();
    }
  }

  #openMonth(month: Month): MonthWriter {
    const { folder, maxBytes, tailLimits } = this.#init;
    const lastSeqBefore = (id: ConversationId) => this.#heads.head(id)?.last_seq ?? 0;
    return new MonthWriter({ folder, month, maxBytes, tailLimits, lastSeqBefore });
  }

  /** [D3] The key is looked up only where the range of keys holds it: for UUIDv7 keys, practically nowhere. */
  #inClosedMonths({ from, clientMsgId }: NewEntry): StoredEntry | undefined {
    if (this.#closed.length === 0) return undefined;
    const key = packId(clientMsgId);
    for (const { keys, reader } of this.#closed) {
      const entry = keys.mayHold(key) ? reader.byKey(clientMsgId, from) : undefined;
      if (entry) return entry;
    }
    return undefined;
  }

  #retain(oldestKept: Month): TimelineResult {
    for (let oldest = this.#closed[0]; oldest && oldest.reader.month < oldestKept; oldest = this.#closed[0]) {
      this.#closed = this.#closed.slice(1);
      oldest.close();
      deleteMonth(this.#init.folder, oldest.reader.month);
    }
    return { type: 'retained' };
  }
}

/** A month that gets no more entries; asked only for keys. */
class ClosedMonth {
  readonly reader: MonthReader;
  readonly keys: KeyRange;

  constructor(folder: string, month: Month) {
    const reader = MonthReader.open(folder, month);
    assert(reader, 'a closed month has its tables');
    this.reader = reader;
    this.keys = reader.keyRange();
  }

  close(): void {
    this.reader.close();
  }
}

function isSorted(folder: string, month: Month): boolean {
  const reader = MonthReader.open(folder, month);
  try {
    return reader?.tailAfter(0).length === 0;
  } finally {
    reader?.close();
  }
}

function measure(sum: { rows: number; contentLength: number; latestMs: number }, fields: readonly Field[]): void {
  const count = entryCountOf(fields);
  for (let index = 0; index < count; index++) {
    const { contentJson, timestampMs } = entryAt(fields, index);
    sum.contentLength += contentJson.length;
    if (timestampMs > sum.latestMs) sum.latestMs = timestampMs;
  }
  sum.rows += count;
}
