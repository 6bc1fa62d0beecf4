// The cache port in the memory of one process.

import type { Clock } from '@hongyan/base/clock';
import { type Random, spreadMs } from '@hongyan/base/random';
import QuickLRU from 'quick-lru';
import { type Cache, type CacheAnswer, type CacheEntry, type CacheTimes, cacheTimeDefaults } from './cache.ts';

export interface MemoryCacheOptions extends Partial<CacheTimes> {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly random: Random;
  /** The maximum number of values. The least recently used are evicted. */
  readonly valuesMax: number;
}

type Slot = { readonly endsAtMs: number } & CacheAnswer;

export class MemoryCache implements Cache {
  readonly #options: MemoryCacheOptions & CacheTimes;
  readonly #slots: QuickLRU<string, Slot>;

  constructor(options: MemoryCacheOptions) {
    this.#options = { ...cacheTimeDefaults, ...options };
    this.#slots = new QuickLRU({ maxSize: options.valuesMax });
  }

  async get(keys: readonly string[]): Promise<readonly CacheAnswer[]> {
    return keys.map((key) => this.#live(key) ?? this.#lease(key));
  }

  async put(entries: readonly CacheEntry[]): Promise<void> {
    const { clock, random, ttlMs } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const { key, lease, value } of entries) {
      const slot = this.#live(key);
      if (slot?.type !== 'miss' || slot.lease !== lease) continue;
      this.#slots.set(key, { type: 'hit', value, endsAtMs: nowMs + spreadMs(ttlMs, random) });
    }
  }

  async drop(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#slots.delete(key);
  }

  #live(key: string): Slot | undefined {
    const slot = this.#slots.get(key);
    return slot !== undefined && slot.endsAtMs > this.#options.clock.monotonicMs() ? slot : undefined;
  }

  #lease(key: string): Slot {
    const { clock, random, leaseMs } = this.#options;
    const slot: Slot = { type: 'miss', lease: newLease(random), endsAtMs: clock.monotonicMs() + leaseMs };
    this.#slots.set(key, slot);
    return slot;
  }
}

/** Unique, so that an ended lease differs from the next one. */
export const newLease = (random: Random): string =>
  `${random().toString(36).slice(2)}${random().toString(36).slice(2)}`;
