// [L6] Limits how much each user may store per day, so that one user cannot fill the disk.

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
  /** Separate from the limiter of requests: a bucket of bytes takes half a day to fill, and would evict buckets that fill in seconds. */
  readonly limiter: RateLimiter;
}

type Charged = Result<undefined>;

const dayS = 86_400;
/** Estimated size of an entry's ids, positions and index rows. */
const entryBytes = 256;

export class StoredBytes {
  readonly #options: StoredBytesOptions;

  constructor(options: StoredBytesOptions) {
    this.#options = options;
  }

  /** Called before the content is stored. Commands that are refused later, and repeats [D3], count too. */
  charge(caller: Caller, contentJson: string): MaybePromise<Charged> {
    const tier = this.#options.tiers.of(caller);
    if (tier === undefined) return done;
    const bytes = Buffer.byteLength(contentJson) + entryBytes;
    return andThen(tier, this.#draw, caller, bytes);
  }

  /** The burst is half of the limit and the rate fills the other half per day, so that any 24 hours stay within the limit. */
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
