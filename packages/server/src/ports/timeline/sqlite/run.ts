// The entries of one conversation in the tail: all of them, and those without a target, which pages of messages are made of.

import { assert } from '@hongyan/base/assert';
import type { Seq } from '@hongyan/protocol/ids';
import type { StoredEntry } from '../timeline.ts';

/** Never empty but at its end: its owner forgets it then. */
export class Run {
  /** Seqs without holes. */
  readonly #all = new EntryQueue();
  /** Undefined while no entry has a target: then it would be the same list again. */
  #untargeted: EntryQueue | undefined;
  #lastCounted: StoredEntry | undefined;
  #lastP: number;

  constructor(first: StoredEntry, p: number) {
    this.#lastP = p;
    this.#push(first);
  }

  add(entry: StoredEntry, p: number): void {
    assert(entry.seq === this.last.seq + 1, 'the seq after the last one follows [D2]', entry.seq);
    this.#lastP = p;
    this.#push(entry);
  }

  get firstSeq(): Seq {
    return this.#first.seq;
  }

  get last(): StoredEntry {
    const last = this.#all.last;
    assert(last, 'a run holds an entry');
    return last;
  }

  get lastP(): number {
    return this.#lastP;
  }

  /** The newest counted one; undefined when none is in the tail. */
  get lastCounted(): StoredEntry | undefined {
    return this.#lastCounted;
  }

  entries({ withTargeted }: { readonly withTargeted: boolean }): EntryQueue {
    return withTargeted ? this.#all : (this.#untargeted ?? this.#all);
  }

  holds(entry: StoredEntry): boolean {
    return this.#all.at(entry.seq - this.firstSeq) === entry;
  }

  /** Counted entries of the conversation up to `seq`; undefined when that is before what the tail tells. */
  countAt(seq: number): number | undefined {
    if (seq === this.firstSeq - 1) return this.countBeforeFirst;
    return this.#all.at(seq - this.firstSeq)?.count;
  }

  get countBeforeFirst(): number {
    const { count, isCounted } = this.#first;
    return count - (isCounted ? 1 : 0);
  }

  /**
   * Overwrites the content of an entry, and of those before `beforeSeq` that have it as their target. In place, since the tail holds
   * an entry in several lists; whoever was given it before sees what is stored now, as he would when he asked again.
   */
  erase({ seq, beforeSeq, contentJson }: { seq: number; beforeSeq: number; contentJson: string }): void {
    const from = Math.max(seq, this.firstSeq);
    for (let index = from - this.firstSeq; index < beforeSeq - this.firstSeq; index++) {
      const entry = this.#all.at(index);
      if (entry && (entry.seq === seq || entry.targetSeq === seq)) overwrite(entry, contentJson);
    }
  }

  /** Returns how many are left. */
  dropFirst(): number {
    const dropped = this.#first;
    this.#all.dropFirst();
    if (this.#untargeted?.at(0) === dropped) this.#untargeted.dropFirst();
    // The files have it: in their order it is found at once.
    if (this.#lastCounted === dropped) this.#lastCounted = undefined;
    return this.#all.size;
  }

  #push(entry: StoredEntry): void {
    if (entry.targetSeq !== undefined) this.#untargeted ??= this.#all.copy();
    else this.#untargeted?.push(entry);
    this.#all.push(entry);
    if (entry.isCounted) this.#lastCounted = entry;
  }

  get #first(): StoredEntry {
    const first = this.#all.at(0);
    assert(first, 'a run holds an entry');
    return first;
  }
}

/** Ascending by seq; entries come at the end and go at the start. */
export class EntryQueue {
  #entries: StoredEntry[] = [];
  #start = 0;

  get size(): number {
    return this.#entries.length - this.#start;
  }

  get last(): StoredEntry | undefined {
    return this.size > 0 ? this.#entries.at(-1) : undefined;
  }

  at(index: number): StoredEntry | undefined {
    return index < 0 ? undefined : this.#entries[this.#start + index];
  }

  /** How many entries have a lower seq: the index of the first that has not. */
  indexOf(seq: number): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.at(middle)?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  push(entry: StoredEntry): void {
    this.#entries.push(entry);
  }

  dropFirst(): void {
    this.#start++;
    if (this.#start <= this.size) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }

  copy(): EntryQueue {
    const copy = new EntryQueue();
    copy.#entries = this.#entries.slice(this.#start);
    return copy;
  }
}

function overwrite(entry: StoredEntry, contentJson: string): void {
  Object.assign(entry, { contentJson, referencesJson: undefined });
}
