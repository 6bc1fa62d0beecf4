// Which keys are asked for most, in little memory: the space-saving sketch (Metwally, Agrawal, El Abbadi 2005). So many counters are
// kept; a key without one takes over the smallest, with its count as the error that this may make. A key that is asked for more often
// than the smallest count has a counter for certain.

import { assert } from '@hongyan/base/assert';

export interface HotKeysOptions {
  /** Counters. A key with a share of more than 1 / countersMax of all questions has one. */
  readonly countersMax: number;
  /** A key is hot from this share of the questions on. 0 = every key is. */
  readonly hotShare: number;
  /** After so many questions all counts are halved, so that what was hot yesterday cools down. */
  readonly window: number;
}

const hotKeysDefaults: HotKeysOptions = { countersMax: 4_000, hotShare: 1 / 2_000, window: 100_000 };

interface Counter {
  count: number;
  /** So much of it may be of keys that had the counter before. */
  error: number;
}

export class HotKeys {
  readonly #options: HotKeysOptions;
  readonly #counters = new Map<string, Counter>();
  /** The keys of each count: the smallest one is found without a search. */
  #byCount = new Map<number, Set<string>>();
  #smallest = 0;
  #asked = 0;

  constructor(options: Partial<HotKeysOptions> = {}) {
    this.#options = { ...hotKeysDefaults, ...options };
  }

  /** Counts one question for the key; returns whether it is hot now. */
  note(key: string): boolean {
    this.#asked++;
    const counter = this.#counters.get(key) ?? this.#take(key);
    this.#raise(key, counter);
    if (this.#asked >= this.#options.window) this.#halve();
    return this.#isHot(counter);
  }

  /** The hot keys, the most asked for first. */
  list(): readonly { readonly key: string; readonly count: number }[] {
    return [...this.#counters]
      .filter(([, counter]) => this.#isHot(counter))
      .map(([key, { count, error }]) => ({ key, count: count - error }))
      .sort((one, other) => other.count - one.count);
  }

  #isHot({ count, error }: Counter): boolean {
    const { hotShare } = this.#options;
    return hotShare <= 0 || count - error >= Math.max(2, hotShare * this.#asked);
  }

  /** A counter that is not among the counts yet. */
  #take(key: string): Counter {
    const counter = { count: 0, error: 0 };
    if (this.#counters.size >= this.#options.countersMax) {
      const smallest = this.#byCount.get(this.#smallest);
      const [victim] = smallest ?? [];
      assert(smallest && victim !== undefined, 'the smallest count has a key');
      smallest.delete(victim);
      this.#counters.delete(victim);
      counter.count = this.#smallest;
      counter.error = this.#smallest;
    }
    this.#counters.set(key, counter);
    return counter;
  }

  #raise(key: string, counter: Counter): void {
    const before = this.#byCount.get(counter.count);
    before?.delete(key);
    if (before?.size === 0) this.#byCount.delete(counter.count);
    counter.count++;
    const after = this.#byCount.get(counter.count);
    if (after) after.add(key);
    else this.#byCount.set(counter.count, new Set([key]));
    // Counts grow one by one: where the smallest has no key left, the next one has.
    if (counter.count === 1 || this.#smallest === 0) this.#smallest = 1;
    else if (!this.#byCount.has(this.#smallest)) this.#smallest++;
  }

  #halve(): void {
    this.#asked = Math.floor(this.#asked / 2);
    this.#byCount = new Map();
    this.#smallest = Number.POSITIVE_INFINITY;
    for (const [key, counter] of this.#counters) {
      counter.error = Math.floor(counter.error / 2);
      counter.count = Math.max(1, Math.floor(counter.count / 2));
      this.#smallest = Math.min(this.#smallest, counter.count);
      const same = this.#byCount.get(counter.count);
      if (same) same.add(key);
      else this.#byCount.set(counter.count, new Set([key]));
    }
  }
}
