// The writer's in-memory index of the rows in the tail: their keys, so that a duplicate is found without an index on the disk, and their
// conversations, by which they are sorted.

import { assert } from '@hongyan/base/assert';
import type { SortedOrder } from './drain.ts';
import { KeyMap } from './key-map.ts';
import type { PackedId } from './packed-id.ts';

/** The head of a conversation, with its number in the current month. */
export interface WriterHead {
  readonly no: number;
  lastSeq: number;
  /** The number of counted entries up to `lastSeq`. */
  lastCount: number;
  /** The number of its rows in the tail. */
  tailRows: number;
  /** The number of these rows with a target. */
  tailChanges: number;
}

export interface TailRow {
  readonly p: number;
  readonly head: WriterHead;
  readonly senderNo: number;
  readonly clientMsgId: string;
  readonly contentLength: number;
  readonly isCounted: boolean;
  /** 0 when it has no target. */
  readonly targetSeq: number;
}

export class TailIndex {
  /** The p of the first row. */
  #firstP: number;
  readonly #rows: TailRow[] = [];
  /**
   * The sort keys of the rows for a drain. In separate arrays, because reading them from the rows would add 5 ms to the start of a drain.
   */
  readonly #sortNos: number[] = [];
  readonly #keyNos: number[] = [];
  #byKey = keyMap();
  /**
   * The keys of the rows that a drain moves. In a separate map, so that they are dropped at once: deleting them one by one takes 20 ms.
   */
  #drainingByKey: ReturnType<typeof keyMap> | undefined;
  #contentLength = 0;
  #conversations = 0;

  constructor(nextP: number) {
    this.#firstP = nextP;
  }

  get firstP(): number {
    return this.#firstP;
  }

  get nextP(): number {
    return this.#firstP + this.#rows.length;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** The size of the contents of all rows, in UTF-16 units. */
  get contentLength(): number {
    return this.#contentLength;
  }

  /** The number of conversations with rows in the tail. */
  get conversations(): number {
    return this.#conversations;
  }

  /** Adds the row of the next p: the entry at the lastSeq of its head. */
  add(added: Omit<TailRow, 'p'>, key: PackedId): void {
    const row = { p: this.nextP, ...added };
    this.#byKey.set(row);
    this.#rows.push(row);
    this.#sortNos.push(row.head.no + (row.targetSeq > 0 ? changesFrom : 0));
    this.#keyNos.push(keyNoOf(key));
    this.#contentLength += row.contentLength;
    if (row.head.tailRows++ === 0) this.#conversations++;
    if (row.targetSeq > 0) row.head.tailChanges++;
  }

  byKey(senderNo: number, clientMsgId: string): TailRow | undefined {
    const row = this.#byKey.get(senderNo, clientMsgId) ?? this.#drainingByKey?.get(senderNo, clientMsgId);
    // A drain deletes rows before it has finished.
    return row !== undefined && row.p >= this.#firstP ? row : undefined;
  }

  /** The p of the entry `seq` of a conversation and of the entries with that target. Scans the tail back to that entry. */
  pOfMessage({ head, seq }: { readonly head: WriterHead; readonly seq: number }): number[] {
    const found: number[] = [];
    const firstSeq = head.lastSeq - head.tailRows + 1;
    if (seq < firstSeq && head.tailChanges === 0) return found;
    let rowSeq = head.lastSeq;
    for (let index = this.#rows.length - 1; rowSeq >= Math.max(seq, firstSeq); index--) {
      const row = this.#rows[index];
      assert(row, 'the tail has the counted number of rows of a conversation');
      if (row.head !== head) continue;
      if (rowSeq === seq || row.targetSeq === seq) found.push(row.p);
      rowSeq--;
    }
    return found;
  }

  /** Returns every p in the order of n: by conversation, and by seq within each. Until `endDrain`, `dropThrough` applies to these rows. */
  beginDrain(): SortedOrder {
    this.#drainingByKey = this.#byKey;
    this.#byKey = keyMap();
    return this.#order();
  }

  endDrain(): void {
    this.#drainingByKey = undefined;
  }

  #order(): SortedOrder {
    const firstP = this.#firstP;
    const sorted = sortedWithIndex(this.#sortNos);
    const firstChange = sorted.findIndex((number) => number >= changesFrom * rowsBound);
    const entries = firstChange === -1 ? sorted.length : firstChange;
    const pOf = (number: number) => firstP + (number % rowsBound);
    return {
      entry: sorted.subarray(0, entries).map(pOf),
      change: sorted.subarray(entries).map(pOf),
      // Rows that are added during the drain come after these.
      by_key: () => sortedWithIndex(this.#keyNos.slice(0, sorted.length)).map(pOf),
    };
  }

  /** Removes rows of the drain from the start, up to `throughP`. */
  dropThrough(throughP: number): void {
    const count = throughP - this.#firstP + 1;
    this.#forget(this.#rows.splice(0, count));
    this.#sortNos.splice(0, count);
    this.#keyNos.splice(0, count);
    this.#firstP = throughP + 1;
  }

  /** Removes the rows from `fromP` on, for a rollback. */
  undo(fromP: number): void {
    const undone = this.#rows.splice(fromP - this.#firstP);
    this.#sortNos.length = this.#rows.length;
    this.#keyNos.length = this.#rows.length;
    for (const row of undone) {
      this.#byKey.delete(row);
      row.head.lastSeq--;
      if (row.isCounted) row.head.lastCount--;
    }
    this.#forget(undone);
  }

  #forget(rows: readonly TailRow[]): void {
    for (const row of rows) {
      this.#contentLength -= row.contentLength;
      if (--row.head.tailRows === 0) this.#conversations--;
      if (row.targetSeq > 0) row.head.tailChanges--;
    }
  }
}

const keyMap = () => new KeyMap<number, TailRow>((row) => row.senderNo);
/** Greater than every conversation number, so that rows with a target are sorted after those without. */
const changesFrom = 2 ** 31;
const rowsBound = 2 ** 21;

/**
 * Sorts numbers with their indexes: each is packed with its index into one number, because numbers sort much faster than objects. A tail
 * has far fewer than 2^21 rows.
 */
function sortedWithIndex(numbers: readonly number[]): Float64Array {
  return Float64Array.from(numbers, (number, index) => number * rowsBound + index).sort();
}

/**
 * The approximate rank of a key: near keys have near numbers. Uses 32 bits. Of a UUIDv7 it uses the low bits of the time, because the high
 * bits stay the same for weeks.
 */
function keyNoOf(key: PackedId): number {
  if (typeof key === 'string') return 0;
  const isTimed = (key[6] as number) >> 4 === 7;
  const from = isTimed ? 2 : 0;
  return (
    (((key[from] as number) << 24) |
      ((key[from + 1] as number) << 16) |
      ((key[from + 2] as number) << 8) |
      (key[from + 3] as number)) >>>
    0
  );
}
