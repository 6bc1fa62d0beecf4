// The cache port: values that many processes read and few change, between their memory and their store.

export type CacheAnswer =
  | { readonly type: 'hit'; readonly value: string }
  /** Who loads the value may put it under this lease. */
  | { readonly type: 'miss'; readonly lease: string };

export interface CacheEntry {
  readonly key: string;
  readonly lease: string;
  readonly value: string;
}

/**
 * MUST: keep a value no longer than the time to live, and take it only under a lease of its key that no `drop` has ended since: what a
 * reader loaded before a change is not kept after it. Let values that were put together end apart: their readers would ask the store
 * all at once.
 * MAY forget anything at any time, leases too. Rejects with StoreFailure; what a failed call was to do may have been done.
 */
export interface Cache {
  /** In the order asked. */
  get(keys: readonly string[]): Promise<readonly CacheAnswer[]>;
  /** Entries whose lease has ended change nothing. */
  put(entries: readonly CacheEntry[]): Promise<void>;
  /** Values and leases. Every `get` that begins after it resolved sees neither. */
  drop(keys: readonly string[]): Promise<void>;
}

export interface CacheTimes {
  /** Of a value at most; half of it at least. */
  readonly ttlMs: number;
  /** For loading one: a lease ends by itself, since its holder may have died. */
  readonly leaseMs: number;
}

export const cacheTimeDefaults: CacheTimes = { ttlMs: 60_000, leaseMs: 5_000 };
