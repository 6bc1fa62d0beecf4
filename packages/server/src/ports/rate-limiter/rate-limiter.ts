// The rate-limiter port: token buckets by key, shared by all that draw on them.

import type { Rate, Taken } from '../../domain/rate.ts';

export interface Draw {
  readonly key: string;
  readonly rate: Rate;
  /** Units. */
  readonly cost: number;
}

/**
 * MUST: a draw is atomic, and draws of one key are decided in the order of the calls; over any schedule no more than burst +
 * perS × time is taken from a bucket by all its users together, wherever they are; a caller who waits `retryAfterMs` while no one
 * else draws is not refused again. MUST NOT reject for what the environment does: an adapter that cannot ask its buckets decides
 * by what it knows.
 * MAY answer with a promise when it has to ask elsewhere; promises of one key resolve in the order of the calls. An adapter that
 * takes units in advance for a gateway (a lease) MUST count them as taken, and give back what was not used.
 * MAY change the rate of a key between draws: the bucket keeps the time at which it is full.
 * MAY forget buckets, in favour of their users, once more are in use than it is given room for: the fullest first.
 */
export interface RateLimiter {
  draw(draw: Draw): Taken | Promise<Taken>;
}
