// Which keys the store may hold, by a Bloom filter: what it has never seen is not there, and needs no question to anybody. It holds the
// keys that are there, not those that are missing: its errors cost a question then, and never hide what exists.

import { BloomFilter } from 'bloomfilter';

export interface PresentKeysOptions {
  /** Ten bits of memory for each, from the start on. Of more keys nothing is known: everybody is asked. */
  readonly keysMax: number;
  /** Of missing keys so many are asked for all the same. */
  readonly errorRate: number;
}

const presentKeysDefaults: PresentKeysOptions = { keysMax: 2_000_000, errorRate: 0.01 };

interface Keys {
  readonly filter: BloomFilter;
  count: number;
}

export class PresentKeys {
  readonly #options: PresentKeysOptions;
  /** Undefined: anything may be there. */
  #known: Keys | undefined;
  /** Becomes what is known, unless a loss or a later filling comes first. */
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

  /** MUST be called before the key is stored, by whichever process stores it. */
  add(keys: readonly string[]): void {
    for (const into of [this.#known, this.#filling]) {
      if (into === undefined) continue;
      for (const key of keys) {
        if (into.filter.test(key)) continue;
        into.filter.add(key);
        into.count++;
      }
      // Fuller than it was made for it would let more and more through.
      if (into.count <= this.#options.keysMax) continue;
      this.#isFull = true;
      this.forget();
    }
  }

  /** Nothing is known any more: the word of others may have been missed. */
  forget(): void {
    this.#known = undefined;
    this.#filling = undefined;
  }

  /** `pages`: all keys of the store, read after this is called. `full`: they are too many, now and later. */
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
