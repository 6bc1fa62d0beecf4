// The cache port: a shared cache between the processes and the store, for values that are read often and changed rarely.

export type CacheAnswer =
  | { readonly type: 'hit'; readonly value: string }
  /** The caller may load the value from the store and put it under this lease. */
  | { readonly type: 'miss'; readonly lease: string };

export interface CacheEntry {
  readonly key: string;
  readonly lease: string;
  readonly value: string;
}

/**
 * Staleness: a value MUST be accepted only under a lease of its key that no later `drop` has ended. So a value that a reader loaded
 * before a change is never cached after the change. Values MUST expire after at most `ttlMs`. Values that were put together MUST
 * expire at different times, so that their readers do not query the store all at once.
 *
 * Loss: MAY evict any value and end any lease at any time.
 *
 * Failure: rejects with StoreFailure. A failed call may still have taken effect. Callers read the store instead.
 */
export interface Cache {
  /** In the order of the keys. */
  get(keys: readonly string[]): Promise<readonly CacheAnswer[]>;
  /** Entries whose lease has ended change nothing. */
  put(entries: readonly CacheEntry[]): Promise<void>;
  /** Invalidates values and ends leases. A `get` that begins after it resolved sees neither. */
  drop(keys: readonly string[]): Promise<void>;
}

export interface CacheTimes {
  /** The maximum lifetime of a value. The actual lifetime is random, and at least half of it. */
  readonly ttlMs: number;
  /** The time to load a value. A lease then expires, because its holder may have died. */
  readonly leaseMs: number;
}

export const cacheTimeDefaults: CacheTimes = { ttlMs: 60_000, leaseMs: 5_000 };
