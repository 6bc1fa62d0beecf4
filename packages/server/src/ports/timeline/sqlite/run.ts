// The entries of one conversation in the tail: all of them, and those without a target, of which pages of messages consist.

import { assert } from '@hongyan/base/assert';
import type { Seq } from '@hongyan/protocol/ids';
import type { StoredEntry } from '../timeline.ts';

/** Never empty: the tail removes a run with its last entry. */
export class Run {
  /** Seqs without holes. */
  readonly #all = new EntryQueue();
  /** undefined while no entry has a target, because both lists would be equal. */
  #untargeted: EntryQueue | undefined;
  #lastCounted: StoredEntry | undefined;
  #lastP: number;

  constructor(first: StoredEntry, p: number) {
    this.#lastP = p;
    this.#push(first);
  }

  add(entry: StoredEntry, p: number): void {
    assert(entry.seq === this.last.seq + 1, 'seqs in the tail have no holes [D2]', entry.seq);
    this.#lastP = p;
    this.#push(entry);
  }

  get firstSeq(): Seq {
    return this.#first.seq;
  }

  get last(): StoredEntry {
    const last = this.#all.last;
    assert(last, 'a run is not empty');
    return last;
  }

  get lastP(): number {
    return this.#lastP;
  }

  /** The newest counted entry; undefined when none is in the tail. */
  get lastCounted(): StoredEntry | undefined {
    return this.#lastCounted;
  }

  entries({ withTargeted }: { readonly withTargeted: boolean }): EntryQueue {
    return withTargeted ? this.#all : (this.#untargeted ?? this.#all);
  }

  holds(entry: StoredEntry): boolean {
    return this.#all.at(entry.seq - this.firstSeq) === entry;
  }

  /** The number of counted entries of the conversation up to `seq`; undefined when `seq` is before the tail. */
  countAt(seq: number): number | undefined {
    if (seq === this.firstSeq - 1) return this.countBeforeFirst;
    return this.#all.at(seq - this.firstSeq)?.count;
  }

  get countBeforeFirst(): number {
    const { count, isCounted } = this.#first;
    return count - (isCounted ? 1 : 0);
  }

  /**
   * Overwrites the content of an entry, and of those before `beforeSeq` with that target. In place, because several lists of the tail share
   * the entry. Callers that received the entry before see the new content too.
   */
  erase({ seq, beforeSeq, contentJson }: { seq: number; beforeSeq: number; contentJson: string }): void {
    const from = Math.max(seq, this.firstSeq);
    for (let index = from - this.firstSeq; index < beforeSeq - this.firstSeq; index++) {
      const entry = this.#all.at(index);
      if (entry && (entry.seq === seq || entry.targetSeq === seq)) overwrite(entry, contentJson);
    }
  }

  /** Returns the number of remaining entries. */
  dropFirst(): number {
    const dropped = this.#first;
    this.#all.dropFirst();
    if (this.#untargeted?.at(0) === dropped) this.#untargeted.dropFirst();
    // The files have it, where the newest counted entry is found at once.
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
    assert(first, 'a run is not empty');
    return first;
  }
}

/** A queue of entries, ascending by seq. */
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

  /** The number of entries with a lower seq, which is the index of the first entry at or after it. */
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
