// [L6] How much each user may store in a day, so that nobody fills the disk alone.

import { andThen, type MaybePromise } from '@hongyan/base/maybe-promise';
import { done } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Taken } from '../../domain/rate.ts';
import type { Tier } from '../../domain/tier.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';
import type { UserTiers } from './user-tiers.ts';

export interface StoredBytesOptions {
  readonly tiers: UserTiers;
  /** Apart from that of requests: a bucket of bytes takes half a day to fill, and would push out those of seconds. */
  readonly limiter: RateLimiter;
}

type Charged = Result<undefined>;

const dayS = 86_400;
/** An entry's ids, positions and index rows, beside its content. */
const entryBytes = 256;

export class StoredBytes {
  readonly #options: StoredBytesOptions;

  constructor(options: StoredBytesOptions) {
    this.#options = options;
  }

  /** Before the content is stored. One that is then refused, or was stored before [D3], counts too. */
  charge(caller: Caller, contentJson: string): MaybePromise<Charged> {
    const tier = this.#options.tiers.of(caller);
    if (tier === undefined) return done;
    const bytes = Buffer.byteLength(contentJson) + entryBytes;
    return andThen(tier, this.#draw, caller, bytes);
  }

  /** Half at once and half over the day: within any 24 hours no more than the whole. */
  readonly #draw = (tier: Tier | undefined, { userId }: Caller, bytes: number): MaybePromise<Charged> => {
    if (tier === undefined) return done;
    const { storedBytesPerDay } = tier;
    const half = storedBytesPerDay / 2;
    const taken = this.#options.limiter.draw({ key: userId, rate: { perS: half / dayS, burst: half }, cost: bytes });
    return andThen(taken, charged, storedBytesPerDay);
  };
}

const charged = (taken: Taken, storedBytesPerDay: number): Charged =>
  taken.type === 'taken' ? done : refusal.storedTooMuch(storedBytesPerDay, taken.retryAfterMs);
