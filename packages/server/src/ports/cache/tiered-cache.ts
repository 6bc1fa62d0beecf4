// A cache in front of a store. Concurrent requests of the process share a load. Hot values are in the memory of the process, the others in
// the cache that all processes share. Only values that are in neither are read from the store.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import QuickLRU from 'quick-lru';
import type { Cache, CacheAnswer, CacheEntry } from './cache.ts';
import { HotKeys, type HotKeysOptions } from './hot-keys.ts';

export interface TieredCacheOptions<T> {
  readonly cache: Cache;
  /** The prefix of the keys in the shared cache. */
  readonly prefix: string;
  /** Reads values from the store. Missing values are absent. */
  readonly load: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Pick<Log, 'warn'>;
  /** The maximum number of hot values in the memory of the process. The least recently used are evicted. 0: none. */
  readonly localMax: number;
  /**
   * The maximum lifetime of a value in the memory of the process, in addition to its lifetime in the shared cache: the notification of a
   * change may be lost.
   */
  readonly localMs: number;
  readonly hot?: Partial<HotKeysOptions>;
}

/** undefined: the value does not exist. */
type Known<T> = { readonly value: T | undefined };

interface Loading<T> {
  readonly result: Promise<T | undefined>;
  /** The value changed during the load, so that the loaded one may be stale. */
  isOld: boolean;
}

/** The number of requested values, by where they were found. */
export interface TieredCounts {
  local: number;
  shared: number;
  store: number;
  /** They were being loaded already. */
  joined: number;
}

export class TieredCache<T> {
  readonly counts: TieredCounts = { local: 0, shared: 0, store: 0, joined: 0 };
  readonly #options: TieredCacheOptions<T>;
  readonly #local: QuickLRU<string, Known<T> & { readonly untilMs: number }> | undefined;
  readonly #hot: HotKeys;
  readonly #loading = new Map<string, Loading<T>>();

  constructor(options: TieredCacheOptions<T>) {
    this.#options = options;
    this.#hot = new HotKeys(options.hot);
    if (options.localMax > 0) this.#local = new QuickLRU({ maxSize: options.localMax });
  }

  /** Takes at most one query of the shared cache and one of the store, for any number of keys. Missing values are absent. */
  async get(keys: readonly string[]): Promise<ReadonlyMap<string, T>> {
    const found = new Map<string, T>();
    const waiting: (readonly [string, Promise<T | undefined>])[] = [];
    const missing: string[] = [];
    const hot = new Set<string>();
    for (const key of new Set(keys)) {
      if (this.#hot.note(key)) hot.add(key);
      const local = this.#fromLocal(key);
      const loading = this.#loading.get(key);
      if (local) {
        this.counts.local++;
        if (local.value !== undefined) found.set(key, local.value);
      } else if (loading) {
        this.counts.joined++;
        waiting.push([key, loading.result]);
      } else missing.push(key);
    }
    if (missing.length > 0) waiting.push(...this.#begin(missing, hot));
    for (const [key, result] of waiting) {
      const value = await result;
      if (value !== undefined) found.set(key, value);
    }
    return found;
  }

  /**
   * Invalidates values after this process has changed them in the store. When the shared cache is unavailable, its values expire by
   * themselves.
   */
  async changed(keys: readonly string[]): Promise<void> {
    this.forget(keys);
    try {
      await this.#options.cache.drop(keys.map((key) => this.#sharedKey(key)));
    } catch (error) {
      this.#told(error);
    }
    // Again, for values that were read from the shared cache meanwhile.
    this.forget(keys);
  }

  /** Invalidates values after another process has changed them. */
  forget(keys: readonly string[]): void {
    for (const key of keys) {
      this.#local?.delete(key);
      const loading = this.#loading.get(key);
      if (loading) loading.isOld = true;
      // Later requests start a new load.
      this.#loading.delete(key);
    }
  }

  forgetAll(): void {
    this.#local?.clear();
    for (const loading of this.#loading.values()) loading.isOld = true;
    this.#loading.clear();
  }

  #fromLocal(key: string): Known<T> | undefined {
    const local = this.#local?.get(key);
    return local !== undefined && local.untilMs > this.#options.clock.monotonicMs() ? local : undefined;
  }

  #begin(keys: readonly string[], hot: ReadonlySet<string>): (readonly [string, Promise<T | undefined>])[] {
    // Computed before the request, because the value may have been read at its beginning.
    const untilMs = this.#options.clock.monotonicMs() + this.#options.localMs;
    const all = this.#read(keys);
    return keys.map((key) => {
      const loading: Loading<T> = { result: all.then((values) => values.get(key)), isOld: false };
      this.#loading.set(key, loading);
      loading.result.then(
        (value) => this.#loaded(key, loading, hot.has(key) ? { value, untilMs } : undefined),
        () => this.#loaded(key, loading),
      );
      return [key, loading.result];
    });
  }

  #loaded(key: string, loading: Loading<T>, known?: Known<T> & { readonly untilMs: number }): void {
    if (loading.isOld) return;
    this.#loading.delete(key);
    if (known) this.#local?.set(key, known);
  }

  async #read(keys: readonly string[]): Promise<ReadonlyMap<string, T>> {
    const answers = await this.#ask(keys);
    const values = new Map<string, T>();
    const missing: string[] = [];
    for (const [index, key] of keys.entries()) {
      const answer = answers[index];
      if (answer?.type !== 'hit') {
        missing.push(key);
        continue;
      }
      this.counts.shared++;
      const { value } = JSON.parse(answer.value) as Known<T>;
      if (value !== undefined) values.set(key, value);
    }
    if (missing.length === 0) return values;
    this.counts.store += missing.length;
    const loaded = await this.#options.load(missing);
    for (const [key, value] of loaded) values.set(key, value);
    this.#share(missing, { loaded, leases: new Map(keys.map((key, index) => [key, answers[index]])) });
    return values;
  }

  /** Skips a shared cache that is unavailable. */
  async #ask(keys: readonly string[]): Promise<readonly CacheAnswer[]> {
    try {
      return await this.#options.cache.get(keys.map((key) => this.#sharedKey(key)));
    } catch (error) {
      this.#told(error);
      return [];
    }
  }

  /** Runs in the background. */
  #share(
    keys: readonly string[],
    of: { readonly loaded: ReadonlyMap<string, T>; readonly leases: ReadonlyMap<string, CacheAnswer | undefined> },
  ): void {
    const entries: CacheEntry[] = [];
    for (const key of keys) {
      const answer = of.leases.get(key);
      if (answer?.type !== 'miss') continue;
      const known: Known<T> = { value: of.loaded.get(key) };
      entries.push({ key: this.#sharedKey(key), lease: answer.lease, value: JSON.stringify(known) });
    }
    if (entries.length > 0) this.#options.cache.put(entries).catch((error: unknown) => this.#told(error));
  }

  #sharedKey(key: string): string {
    return this.#options.prefix + key;
  }

  #told(error: unknown): void {
    if (!(error instanceof StoreFailure)) throw error;
    this.#options.log.warn('shared cache unavailable', { code: error.code, error });
  }
}
