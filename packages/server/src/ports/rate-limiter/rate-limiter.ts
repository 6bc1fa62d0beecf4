// The rate-limiter port: token buckets by key, shared by all processes that draw from them.

import type { Rate, Taken } from '../../domain/rate.ts';

export interface Draw {
  readonly key: string;
  readonly rate: Rate;
  /** Units. */
  readonly cost: number;
}

/**
 * Limit: within any time span, all processes together MUST NOT take more than burst + perS × seconds units from a bucket. An adapter that
 * leases units to a process in advance MUST count them as taken, and MUST return unused ones.
 *
 * Order: a draw is atomic, and draws of one key MUST be decided in the order of the calls. A caller that waits `retryAfterMs` MUST be
 * admitted then, unless others drew from the bucket meanwhile.
 *
 * Failure: MUST NOT reject because of the environment. An adapter that cannot reach its buckets decides by its local knowledge.
 *
 * Loss: when the adapter reaches its maximum number of buckets, it MAY evict buckets, the fullest first. An evicted bucket is full.
 *
 * Callers MAY change the rate of a key between draws: the bucket keeps the time at which it will be full.
 *
 * A draw MAY return a promise when its bucket is remote. The promises of one key MUST resolve in the order of the calls.
 */
export interface RateLimiter {
  draw(draw: Draw): Taken | Promise<Taken>;
}
