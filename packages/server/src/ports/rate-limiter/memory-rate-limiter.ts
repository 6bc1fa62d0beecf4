// The embedded rate limiter: the buckets of this process, and of the gateway processes in front of it, in memory.

import type { Clock } from '@hongyan/base/clock';
import { fullSinceEver, type Taken, takeFrom } from '../../domain/rate.ts';
import type { Draw, RateLimiter } from './rate-limiter.ts';

export interface MemoryRateLimiterOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Buckets that are not full; with more of them the fullest of a sample is forgotten. One takes about 150 bytes. */
  readonly bucketsMax: number;
}

/** Buckets looked at for each one that is added: more than one, so that those which are full again disappear. */
const sampleSize = 8;

export class MemoryRateLimiter implements RateLimiter {
  readonly #options: MemoryRateLimiterOptions;
  /** When each bucket is full, on the monotonic clock. A full one needs no entry. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(options: MemoryRateLimiterOptions) {
    this.#options = options;
  }

  /** Buckets in memory. */
  get size(): number {
    return this.#fullAtMs.size;
  }

  draw({ key, rate, cost }: Draw): Taken {
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#fullAtMs.get(key);
    const { fullAtMs, taken } = takeFrom(before ?? fullSinceEver, { rate, cost, nowMs });
    if (before === undefined) this.#makeRoom(nowMs);
    if (taken.type === 'taken') this.#fullAtMs.set(key, fullAtMs);
    return taken;
  }

  /** Oldest entries first; those that stay go to the end, so that each is looked at in its turn. */
  #makeRoom(nowMs: number): void {
    let fullest: { readonly key: string; readonly fullAtMs: number } | undefined;
    let looked = 0;
    for (const [key, fullAtMs] of this.#fullAtMs) {
      if (looked++ >= sampleSize) break;
      this.#fullAtMs.delete(key);
      if (fullAtMs <= nowMs) continue;
      this.#fullAtMs.set(key, fullAtMs);
      if (fullest === undefined || fullAtMs < fullest.fullAtMs) fullest = { key, fullAtMs };
    }
    if (fullest !== undefined && this.#fullAtMs.size >= this.#options.bucketsMax) this.#fullAtMs.delete(fullest.key);
  }
}
