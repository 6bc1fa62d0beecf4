// What the writer remembers of the rows in the tail: their keys, so that a repeat is found without an index on the disk, and
// their conversations, so that they can be sorted.

import { assert } from '@hongyan/base/assert';
import type { SortedOrder } from './drain.ts';
import { KeyMap } from './key-map.ts';
import type { PackedId } from './packed-id.ts';

/** Where a conversation stands, and its number in the month being written. */
export interface Standing {
  readonly no: number;
  lastSeq: number;
  /** Of the counted entries up to `lastSeq`. */
  lastCount: number;
  /** How many of its rows are in the tail. */
  tailRows: number;
  /** How many of these have a target. */
  tailChanges: number;
}

export interface TailRow {
  readonly p: number;
  readonly standing: Standing;
  readonly senderNo: number;
  readonly clientMsgId: string;
  readonly contentLength: number;
  readonly isCounted: boolean;
  /** 0 when it has no target. */
  readonly targetSeq: number;
}

export class TailIndex {
  /** p of the first row. */
  #firstP: number;
  readonly #rows: TailRow[] = [];
  /** Of each row, what a drain sorts it by. By themselves, since reading them from the rows takes a drain's beginning 5 ms. */
  readonly #sortNos: number[] = [];
  readonly #keyNos: number[] = [];
  #byKey = keyMap();
  /** The keys of the rows that a drain moves, apart from later ones, so that they are forgotten at once: one by one takes 20 ms. */
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

  /** In UTF-16 units, of all rows. */
  get contentLength(): number {
    return this.#contentLength;
  }

  /** How many conversations have rows in the tail. */
  get conversations(): number {
    return this.#conversations;
  }

  /** The row of the next p: the entry at its standing's lastSeq. */
  add(added: Omit<TailRow, 'p'>, key: PackedId): void {
    const row = { p: this.nextP, ...added };
    this.#byKey.set(row);
    this.#rows.push(row);
    this.#sortNos.push(row.standing.no + (row.targetSeq > 0 ? changesFrom : 0));
    this.#keyNos.push(keyNoOf(key));
    this.#contentLength += row.contentLength;
    if (row.standing.tailRows++ === 0) this.#conversations++;
    if (row.targetSeq > 0) row.standing.tailChanges++;
  }

  byKey(senderNo: number, clientMsgId: string): TailRow | undefined {
    const row = this.#byKey.get(senderNo, clientMsgId) ?? this.#drainingByKey?.get(senderNo, clientMsgId);
    // A drain deletes rows before it is done.
    return row !== undefined && row.p >= this.#firstP ? row : undefined;
  }

  /** p of the entry `seq` of a conversation and of those that have it as their target. Reads the tail back to that entry. */
  pOfMessage({ standing, seq }: { readonly standing: Standing; readonly seq: number }): number[] {
    const found: number[] = [];
    const firstSeq = standing.lastSeq - standing.tailRows + 1;
    if (seq < firstSeq && standing.tailChanges === 0) return found;
    let rowSeq = standing.lastSeq;
    for (let index = this.#rows.length - 1; rowSeq >= Math.max(seq, firstSeq); index--) {
      const row = this.#rows[index];
      assert(row, 'the tail holds as many rows of a conversation as it counted');
      if (row.standing !== standing) continue;
      if (rowSeq === seq || row.targetSeq === seq) found.push(row.p);
      rowSeq--;
    }
    return found;
  }

  /** Every p, in the order of n: by conversation, and by seq within each. These rows are what is dropped until `endDrain`. */
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
      // Rows that are added meanwhile come behind those of the drain.
      by_key: () => sortedWithIndex(this.#keyNos.slice(0, sorted.length)).map(pOf),
    };
  }

  /** Forgets rows of the drain from the start, up to `throughP`. */
  dropThrough(throughP: number): void {
    const count = throughP - this.#firstP + 1;
    this.#forget(this.#rows.splice(0, count));
    this.#sortNos.splice(0, count);
    this.#keyNos.splice(0, count);
    this.#firstP = throughP + 1;
  }

  /** Undoes what was added from `fromP` on. */
  undo(fromP: number): void {
    const undone = this.#rows.splice(fromP - this.#firstP);
    this.#sortNos.length = this.#rows.length;
    this.#keyNos.length = this.#rows.length;
    for (const row of undone) {
      this.#byKey.delete(row);
      row.standing.lastSeq--;
      if (row.isCounted) row.standing.lastCount--;
    }
    this.#forget(undone);
  }

  #forget(rows: readonly TailRow[]): void {
    for (const row of rows) {
      this.#contentLength -= row.contentLength;
      if (--row.standing.tailRows === 0) this.#conversations--;
      if (row.targetSeq > 0) row.standing.tailChanges--;
    }
  }
}

const keyMap = () => new KeyMap<number, TailRow>((row) => row.senderNo);
/** Above every number of a conversation: rows with a target are sorted behind those without. */
const changesFrom = 2 ** 31;
const rowsBound = 2 ** 21;

/** Each number with its index behind it, in one, since numbers sort much faster than objects. A tail has far fewer than 2^21 rows. */
function sortedWithIndex(numbers: readonly number[]): Float64Array {
  return Float64Array.from(numbers, (number, index) => number * rowsBound + index).sort();
}

/**
 * About where a key stands in the order of keys: keys near to each other have numbers near to each other. 32 bits, of a UUIDv7 the last
 * ones of its time, since the first are the same for weeks.
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
