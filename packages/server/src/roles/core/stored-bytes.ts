// [L6] How much each user may store in a day, so that nobody fills the disk alone.

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
  charge(caller: Caller, contentJson: string): Charged | Promise<Charged> {
    const tier = this.#options.tiers.of(caller);
    if (tier === undefined) return done;
    const bytes = Buffer.byteLength(contentJson) + entryBytes;
    return tier instanceof Promise
      ? tier.then((own) => (own === undefined ? done : this.#draw(caller, bytes, own)))
      : this.#draw(caller, bytes, tier);
  }

  /** Half at once and half over the day: within any 24 hours no more than the whole. */
  #draw({ userId }: Caller, bytes: number, { storedBytesPerDay }: Tier): Charged | Promise<Charged> {
    const half = storedBytesPerDay / 2;
    const taken = this.#options.limiter.draw({ key: userId, rate: { perS: half / dayS, burst: half }, cost: bytes });
    const decide = (own: Taken): Charged =>
      own.type === 'taken' ? done : refusal.storedTooMuch(storedBytesPerDay, own.retryAfterMs);
    return taken instanceof Promise ? taken.then(decide) : decide(taken);
  }
}
