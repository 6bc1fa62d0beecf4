// [L4] How often someone may try to log in or sign up. Whoever logged in from an address before is not kept out by guesses that
// others make at the account.

import { done } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import QuickLRU from 'quick-lru';
import type { Rate } from '../../domain/rate.ts';
import type { AnonymousCaller } from '../../ports/core/core.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';

export interface LoginLimitsOptions {
  readonly limiter: RateLimiter;
  /** Of one address; 0 = without limit. */
  readonly loginsPerMinute: number;
  /** The same. */
  readonly signupsPerHour: number;
}

/** At one account from one address: people mistype a few times. */
const sameAddress: Rate = { perS: 10 / 60, burst: 10 };
/** At one account from all addresses it was not used from: no more guesses than NIST SP 800-63B allows in a row. */
const strangers: Rate = { perS: 100 / 3600, burst: 100 };
/** Accounts with an address they were used from; those used longest ago count as strangers again. */
const knownMax = 50_000;

export class LoginLimits {
  readonly #options: LoginLimitsOptions;
  readonly #known = new QuickLRU<string, true>({ maxSize: knownMax });

  constructor(options: LoginLimitsOptions) {
    this.#options = options;
  }

  async signup({ limitKey }: AnonymousCaller): Promise<Result<undefined>> {
    const { signupsPerHour } = this.#options;
    if (limitKey === undefined || signupsPerHour === 0) return done;
    return this.#draw(`signup|${limitKey}`, { perS: signupsPerHour / 3600, burst: Math.ceil(signupsPerHour / 5) });
  }

  async login(caller: AnonymousCaller, userId: UserId): Promise<Result<undefined>> {
    const { loginsPerMinute } = this.#options;
    const { limitKey } = caller;
    const place = placeOf(caller, userId);
    // What an account takes from strangers comes last: who is refused for another reason uses nothing of it up.
    const buckets: readonly (readonly [key: string, rate: Rate])[] = [
      ...(limitKey === undefined || loginsPerMinute === 0
        ? []
        : [[`login-from|${limitKey}`, { perS: loginsPerMinute / 60, burst: loginsPerMinute }] as const]),
      [place, sameAddress],
      ...(this.#known.has(place) ? [] : [[`login|${folded(userId)}`, strangers] as const]),
    ];
    for (const [key, rate] of buckets) {
      const allowed = await this.#draw(key, rate);
      if (allowed.type !== 'ok') return allowed;
    }
    return done;
  }

  /** The password was right. */
  succeeded(caller: AnonymousCaller, userId: UserId): void {
    this.#known.set(placeOf(caller, userId), true);
  }

  async #draw(key: string, rate: Rate): Promise<Result<undefined>> {
    const taken = await this.#options.limiter.draw({ key, rate, cost: 1 });
    return taken.type === 'taken' ? done : refusal.triedTooOften(taken.retryAfterMs);
  }
}

const folded = (userId: UserId): string => userId.toLowerCase();
const placeOf = ({ limitKey, address }: AnonymousCaller, userId: UserId): string =>
  `login|${limitKey ?? address}|${folded(userId)}`;
