// The tier of each caller: what the back end set, else the claim of the token, else the default.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { MaybePromise } from '@hongyan/base/maybe-promise';
import { done, ok } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import QuickLRU from 'quick-lru';
import type { Tier, Tiers } from '../../domain/tier.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { Directory } from '../../ports/directory/directory.ts';

export interface UserTiersOptions {
  readonly directory: Pick<Directory, 'getTier' | 'setTier' | 'getUsers'>;
  readonly tiers: Tiers;
  readonly defaultTier: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Log;
}

interface Known {
  /** As stored; undefined when the back end set none. */
  readonly stored: string | undefined;
  readonly readAtMs: number;
}

/** Users whose tier is remembered; those used longest ago are asked for again. */
const knownMax = 50_000;
/** What another process wrote (`hongyan user tier`) is seen by then. */
const freshMs = 5_000;

export class UserTiers {
  readonly #options: UserTiersOptions;
  readonly #known = new QuickLRU<UserId, Known>({ maxSize: knownMax });
  readonly #reading = new Map<UserId, Promise<void>>();

  constructor(options: UserTiersOptions) {
    this.#options = options;
  }

  /** undefined: without limits. A promise for a user who is not known yet; those asked for meanwhile resolve in their order. */
  of(caller: Caller): MaybePromise<Tier | undefined> {
    // An application's back end speaks for all its users; what it has in flight is bounded.
    if (caller.keyId !== undefined) return undefined;
    const known = this.#known.get(caller.userId);
    if (known === undefined) return this.#read(caller.userId).then(() => this.#tierOf(caller));
    if (this.#options.clock.monotonicMs() - known.readAtMs > freshMs) void this.#read(caller.userId);
    return this.#tierOf(caller);
  }

  /** The names, and what each allows; one without limits is null. */
  list(): Readonly<Record<string, Tier | null>> {
    return Object.fromEntries([...this.#options.tiers].map(([name, tier]) => [name, tier ?? null]));
  }

  /** null: the back end set none. */
  async get(userId: UserId): Promise<Result<string | null>> {
    const { directory } = this.#options;
    const users = await directory.getUsers([userId]);
    return users.has(userId) ? ok((await directory.getTier(userId)) ?? null) : refusal.noSuch(`user ${userId}`);
  }

  /** That there is such a tier; none is right too. */
  check(tier: string | null | undefined): Result<undefined> {
    const { tiers } = this.#options;
    return tier == null || tiers.has(tier) ? done : refusal.noSuch(`tier ${tier}: there are ${names(tiers)}`);
  }

  /** null takes the tier away: the token's claim or the default holds again. In force at once. */
  async set(userId: UserId, tier: string | null): Promise<Result<undefined>> {
    const { directory } = this.#options;
    const stored = tier ?? undefined;
    const checked = this.check(tier);
    if (checked.type !== 'ok') return checked;
    if (!(await directory.setTier({ userId, tier: stored }))) return refusal.noSuch(`user ${userId}`);
    // A read under way may have found the tier before.
    this.#reading.delete(userId);
    this.#remember(userId, stored);
    return done;
  }

  #tierOf({ userId, tier: claimed }: Caller): Tier | undefined {
    const { tiers, defaultTier } = this.#options;
    const stored = this.#known.get(userId)?.stored;
    // A tier that the configuration no longer has is as good as none.
    const name = [stored, claimed].find((each) => each !== undefined && tiers.has(each)) ?? defaultTier;
    return tiers.get(name);
  }

  #remember(userId: UserId, stored: string | undefined): void {
    this.#known.set(userId, { stored, readAtMs: this.#options.clock.monotonicMs() });
  }

  /** Never rejects: a directory that cannot be read leaves the tier that was known, or the default. */
  #read(userId: UserId): Promise<void> {
    const before = this.#reading.get(userId);
    if (before !== undefined) return before;
    const { directory, log } = this.#options;
    const reading = directory
      .getTier(userId)
      .catch((error: unknown) => {
        log.warn('tier of a user not read', { userId, error });
        return this.#known.get(userId)?.stored;
      })
      .then((stored) => {
        if (this.#reading.get(userId) !== reading) return;
        this.#remember(userId, stored);
        this.#reading.delete(userId);
      });
    this.#reading.set(userId, reading);
    return reading;
  }
}

const names = (tiers: Tiers): string => [...tiers.keys()].join(', ');
