// [L4] Limits attempts to log in and sign up. Guesses by others do not lock a user out at an address from which that user has logged in
// before.

import { done } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import QuickLRU from 'quick-lru';
import type { Rate } from '../../domain/rate.ts';
import type { AnonymousCaller } from '../../ports/core/core.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';

export interface LoginLimitsOptions {
  readonly limiter: RateLimiter;
  /** Per address; 0 = without limit. */
  readonly loginsPerMinute: number;
  /** Per address; 0 = without limit. */
  readonly signupsPerHour: number;
}

/** Attempts on one account from one address: people mistype a few times. */
const sameAddress: Rate = { perS: 10 / 60, burst: 10 };
/** Attempts on one account from all unknown addresses together: at most the consecutive failures that NIST SP 800-63B allows. */
const unknownAddresses: Rate = { perS: 100 / 3600, burst: 100 };
/** Known pairs of account and address; the least recently used are evicted and count as unknown again. */
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
    // The account's bucket comes last, so that attempts refused for another reason do not draw on it.
    const buckets: readonly (readonly [key: string, rate: Rate])[] = [
      ...(limitKey === undefined || loginsPerMinute === 0
        ? []
        : [[`login-from|${limitKey}`, { perS: loginsPerMinute / 60, burst: loginsPerMinute }] as const]),
      [place, sameAddress],
      ...(this.#known.has(place) ? [] : [[`login|${folded(userId)}`, unknownAddresses] as const]),
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
