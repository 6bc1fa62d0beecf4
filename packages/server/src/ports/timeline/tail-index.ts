// What the writer remembers of the rows in the tail: their keys, so that a repeat is found without an index on the disk, and
// their conversations, so that they can be sorted.

import { KeyMap } from './key-map.ts';

/** Where a conversation stands, and its number in the month being written. */
export interface Standing {
  readonly no: number;
  lastSeq: number;
  /** How many of its rows are in the tail. */
  tailRows: number;
}

export interface TailRow {
  readonly p: number;
  readonly standing: Standing;
  readonly senderNo: number;
  readonly clientMsgId: string;
  readonly contentLength: number;
}

export class TailIndex {
  /** p of the first row. */
  #firstP: number;
  readonly #rows: TailRow[] = [];
  readonly #byKey = new KeyMap<number, TailRow>((row) => row.senderNo);
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

  /** The row of the next p. */
  add(added: Omit<TailRow, 'p'>): void {
    const row = { p: this.nextP, ...added };
    this.#byKey.set(row);
    this.#rows.push(row);
    this.#contentLength += row.contentLength;
    if (row.standing.tailRows++ === 0) this.#conversations++;
  }

  byKey(senderNo: number, clientMsgId: string): TailRow | undefined {
    return this.#byKey.get(senderNo, clientMsgId);
  }

  /** Every p, in the order of n: by conversation, and by seq within each. */
  order(): number[] {
    // Both numbers in one, since numbers sort much faster than objects. A tail has far fewer than 2^21 rows.
    const keys = Float64Array.from(this.#rows, ({ standing }, index) => standing.no * rowsBound + index).sort();
    return Array.from(keys, (sortKey) => this.#firstP + (sortKey % rowsBound));
  }

  /** Forgets rows from the start, up to `throughP`. */
  dropThrough(throughP: number): void {
    this.#forget(this.#rows.splice(0, throughP - this.#firstP + 1));
    this.#firstP = throughP + 1;
  }

  /** Undoes what was added from `fromP` on. */
  undo(fromP: number): void {
    const undone = this.#rows.splice(fromP - this.#firstP);
    for (const { standing } of undone) standing.lastSeq--;
    this.#forget(undone);
  }

  #forget(rows: readonly TailRow[]): void {
    for (const row of rows) {
      this.#byKey.delete(row);
      this.#contentLength -= row.contentLength;
      if (--row.standing.tailRows === 0) this.#conversations--;
    }
  }
}

const rowsBound = 2 ** 21;
