// [L2] Rate limits per user: three buckets, for requests, reads and signals, whose rates derive from the user's tier.

import { andThen, type MaybePromise } from '@hongyan/base/maybe-promise';
import { ok } from '@hongyan/base/result';
import type { OperationName } from '@hongyan/protocol/operations/operations';
import { type Quota, type Result, refusal } from '@hongyan/protocol/refusals';
import { type Bucket, bucketShare, costOf } from '../../domain/operation-cost.ts';
import type { Taken } from '../../domain/rate.ts';
import type { Tier } from '../../domain/tier.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';
import type { UserTiers } from './user-tiers.ts';

export interface CallerLimitsOptions {
  readonly tiers: UserTiers;
  readonly limiter: RateLimiter;
}

/** The value is the state of the bucket; undefined: there is no limit. */
export type Allowed = Result<Quota | undefined>;

const unlimited: Allowed = ok(undefined);

/** Prefix of the user id in a bucket's key. User ids do not contain `|`. */
const prefix: Readonly<Record<Bucket, string>> = { requests: '', reads: 'reads|', signals: 'signals|' };

export class CallerLimits {
  readonly #options: CallerLimitsOptions;

  constructor(options: CallerLimitsOptions) {
    this.#options = options;
  }

  /** Decides in the order of one user's calls, even if a decision has to wait. */
  readonly check = (name: OperationName | 'hello', caller: Caller): MaybePromise<Allowed> =>
    andThen(this.#options.tiers.of(caller), this.#draw, name, caller);

  readonly #draw = (
    tier: Tier | undefined,
    name: OperationName | 'hello',
    { userId }: Caller,
  ): MaybePromise<Allowed> => {
    if (tier === undefined) return unlimited;
    const { bucket, units } = costOf(name);
    const share = bucketShare[bucket];
    const rate = { perS: tier.perS * share, burst: tier.burst * share };
    const taken = this.#options.limiter.draw({ key: prefix[bucket] + userId, rate, cost: units });
    const quota = {
      name: bucket === 'requests' ? tier.name : `${tier.name}-${bucket}`,
      size: rate.burst,
      windowS: Math.ceil(rate.burst / rate.perS),
    };
    return andThen(taken, allowed, quota);
  };
}

function allowed(taken: Taken, policy: Pick<Quota, 'name' | 'size' | 'windowS'>): Allowed {
  const quota = { ...policy, remaining: taken.remaining };
  return taken.type === 'taken' ? ok(quota) : refusal.rateLimited({ retryAfterMs: taken.retryAfterMs, quota });
}
