// Finds the most requested keys in little memory: the space-saving sketch (Metwally, Agrawal, El Abbadi 2005). It has `countersMax`
// counters. A key without a counter takes over the smallest one, and that count becomes the error bound of its own count. A key that was
// requested more often than the smallest count always has a counter.

import { assert } from '@hongyan/base/assert';

export interface HotKeysOptions {
  /** The number of counters. A key with a share of more than 1 / countersMax of all requests has one. */
  readonly countersMax: number;
  /** The share of the requests from which a key is hot. 0: every key is. */
  readonly hotShare: number;
  /** The number of requests after which all counts are halved, so that formerly hot keys cool down. */
  readonly window: number;
}

const hotKeysDefaults: HotKeysOptions = { countersMax: 4_000, hotShare: 1 / 2_000, window: 100_000 };

interface Counter {
  count: number;
  /** The part of the count that may be of keys that had the counter before. */
  error: number;
}

export class HotKeys {
  readonly #options: HotKeysOptions;
  readonly #counters = new Map<string, Counter>();
  /** The keys by count, so that the smallest count is found without a search. */
  #byCount = new Map<number, Set<string>>();
  #smallest = 0;
  #requests = 0;

  constructor(options: Partial<HotKeysOptions> = {}) {
    this.#options = { ...hotKeysDefaults, ...options };
  }

  /** Counts a request of the key. Returns whether the key is hot now. */
  note(key: string): boolean {
    this.#requests++;
    const counter = this.#counters.get(key) ?? this.#take(key);
    this.#raise(key, counter);
    if (this.#requests >= this.#options.window) this.#halve();
    return this.#isHot(counter);
  }

  /** The hot keys, the most requested first. */
  list(): readonly { readonly key: string; readonly count: number }[] {
    return [...this.#counters]
      .filter(([, counter]) => this.#isHot(counter))
      .map(([key, { count, error }]) => ({ key, count: count - error }))
      .sort((one, other) => other.count - one.count);
  }

  #isHot({ count, error }: Counter): boolean {
    const { hotShare } = this.#options;
    return hotShare <= 0 || count - error >= Math.max(2, hotShare * this.#requests);
  }

  /** Returns a counter that is not in `#byCount` yet. */
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
    // Counts grow by one, so that the next count is the smallest when the smallest has no key left.
    if (counter.count === 1 || this.#smallest === 0) this.#smallest = 1;
    else if (!this.#byCount.has(this.#smallest)) this.#smallest++;
  }

  #halve(): void {
    this.#requests = Math.floor(this.#requests / 2);
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
