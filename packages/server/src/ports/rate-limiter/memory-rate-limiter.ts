// The embedded rate limiter, in memory: the buckets of this process and of the gateway processes in front of it.

import type { Clock } from '@hongyan/base/clock';
import { fullSinceEver, type Taken, takeFrom } from '../../domain/rate.ts';
import type { Draw, RateLimiter } from './rate-limiter.ts';

export interface MemoryRateLimiterOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** The maximum number of buckets that are not full. Beyond it the fullest one of a sample is evicted. A bucket takes about 150 bytes. */
  readonly bucketsMax: number;
}

/** The number of buckets that are checked per added one. More than one, so that full buckets disappear. */
const sampleSize = 8;

export class MemoryRateLimiter implements RateLimiter {
  readonly #options: MemoryRateLimiterOptions;
  /** The monotonic time at which each bucket is full. Full buckets have no entry. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(options: MemoryRateLimiterOptions) {
    this.#options = options;
  }

  /** The number of buckets in memory. */
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

  /** Checks the oldest entries and moves those that stay to the end, so that all are checked in turn. */
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
