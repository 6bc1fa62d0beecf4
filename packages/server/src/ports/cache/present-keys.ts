// A Bloom filter of the keys in the store: a key that it has never seen does not exist, which needs no query. It contains the existing
// keys, not the missing ones, so that an error costs a query and never hides an existing value.

import { BloomFilter } from 'bloomfilter';

export interface PresentKeysOptions {
  /** The capacity, at ten bits of memory per key, allocated at the start. Beyond it every key may exist. */
  readonly keysMax: number;
  /** The share of missing keys that are queried nevertheless. */
  readonly errorRate: number;
}

const presentKeysDefaults: PresentKeysOptions = { keysMax: 2_000_000, errorRate: 0.01 };

interface Keys {
  readonly filter: BloomFilter;
  count: number;
}

export class PresentKeys {
  readonly #options: PresentKeysOptions;
  /** undefined: any key may exist. */
  #known: Keys | undefined;
  /** The filter that is being filled. It replaces `#known` unless a loss or a later fill comes first. */
  #filling: Keys | undefined;
  #isFull = false;

  constructor(options: Partial<PresentKeysOptions> = {}) {
    this.#options = { ...presentKeysDefaults, ...options };
  }

  get isKnown(): boolean {
    return this.#known !== undefined;
  }

  mayHold(key: string): boolean {
    return this.#known?.filter.test(key) ?? true;
  }

  /** MUST be called before any process stores the key. */
  add(keys: readonly string[]): void {
    for (const into of [this.#known, this.#filling]) {
      if (into === undefined) continue;
      for (const key of keys) {
        if (into.filter.test(key)) continue;
        into.filter.add(key);
        into.count++;
      }
      // Beyond its capacity the filter would have more and more errors.
      if (into.count <= this.#options.keysMax) continue;
      this.#isFull = true;
      this.forget();
    }
  }

  /** Any key may exist now, because notifications of other processes may have been lost. */
  forget(): void {
    this.#known = undefined;
    this.#filling = undefined;
  }

  /** `pages` yields all keys of the store, read after this call. `full`: there are too many keys, now and later. */
  async fill(pages: AsyncIterable<readonly string[]>): Promise<'known' | 'forgotten' | 'full'> {
    const { keysMax, errorRate } = this.#options;
    const filling: Keys = { filter: BloomFilter.withTargetError(keysMax, errorRate), count: 0 };
    this.#filling = filling;
    for await (const page of pages) {
      if (this.#isFull) return 'full';
      if (this.#filling !== filling) return 'forgotten';
      this.add(page);
    }
    if (this.#isFull) return 'full';
    if (this.#filling !== filling) return 'forgotten';
    this.#known = filling;
    this.#filling = undefined;
    return 'known';
  }
}
