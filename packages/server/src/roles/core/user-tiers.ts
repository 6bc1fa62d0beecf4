// The tier of each caller: the one set by the back end, else the claim of the token, else the default.

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
  /** undefined: the back end has set none. */
  readonly stored: string | undefined;
  readonly readAtMs: number;
}

/** Cached users; the least recently used are evicted. */
const knownMax = 50_000;
/** A change by another process (`hongyan user tier`) takes effect within this time. */
const freshMs = 5_000;

export class UserTiers {
  readonly #options: UserTiersOptions;
  readonly #known = new QuickLRU<UserId, Known>({ maxSize: knownMax });
  readonly #reading = new Map<UserId, Promise<void>>();

  constructor(options: UserTiersOptions) {
    this.#options = options;
  }

  /** undefined: without limits. A promise if the user is not cached; concurrent calls resolve in their order. */
  of(caller: Caller): MaybePromise<Tier | undefined> {
    // A back end acts for all its users. Its requests in flight are limited instead.
    if (caller.keyId !== undefined) return undefined;
    const known = this.#known.get(caller.userId);
    if (known === undefined) return this.#read(caller.userId).then(() => this.#tierOf(caller));
    if (this.#options.clock.monotonicMs() - known.readAtMs > freshMs) void this.#read(caller.userId);
    return this.#tierOf(caller);
  }

  /** The tiers by name; null: without limits. */
  list(): Readonly<Record<string, Tier | null>> {
    return Object.fromEntries([...this.#options.tiers].map(([name, tier]) => [name, tier ?? null]));
  }

  /** null: the back end has set none. */
  async get(userId: UserId): Promise<Result<string | null>> {
    const { directory } = this.#options;
    const users = await directory.getUsers([userId]);
    return users.has(userId) ? ok((await directory.getTier(userId)) ?? null) : refusal.noSuch(`user ${userId}`);
  }

  /** Refuses an unknown tier; no tier is valid too. */
  check(tier: string | null | undefined): Result<undefined> {
    const { tiers } = this.#options;
    return tier == null || tiers.has(tier) ? done : refusal.noSuch(`tier ${tier}: the tiers are ${names(tiers)}`);
  }

  /** null removes the tier: the claim of the token or the default applies again. Takes effect immediately. */
  async set(userId: UserId, tier: string | null): Promise<Result<undefined>> {
    const { directory } = this.#options;
    const stored = tier ?? undefined;
    const checked = this.check(tier);
    if (checked.type !== 'ok') return checked;
    if (!(await directory.setTier({ userId, tier: stored }))) return refusal.noSuch(`user ${userId}`);
    // A read in flight may return the previous tier.
    this.#reading.delete(userId);
    this.#remember(userId, stored);
    return done;
  }

  #tierOf({ userId, tier: claimed }: Caller): Tier | undefined {
    const { tiers, defaultTier } = this.#options;
    const stored = this.#known.get(userId)?.stored;
    // A tier that was removed from the configuration is ignored.
    const name = [stored, claimed].find((each) => each !== undefined && tiers.has(each)) ?? defaultTier;
    return tiers.get(name);
  }

  #remember(userId: UserId, stored: string | undefined): void {
    this.#known.set(userId, { stored, readAtMs: this.#options.clock.monotonicMs() });
  }

  /** Never rejects: if the directory fails, the cached tier or the default stays in effect. */
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
