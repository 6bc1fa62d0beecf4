// A cache of users in front of the users port: nearly every request reads accounts and tiers, which change about once a month. Changes by
// other processes become visible when their notification arrives, or at the latest when cached values expire.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import type { Cache } from '../cache/cache.ts';
import type { HotKeysOptions } from '../cache/hot-keys.ts';
import { PresentKeys, type PresentKeysOptions } from '../cache/present-keys.ts';
import { TieredCache, type TieredCounts } from '../cache/tiered-cache.ts';
import { type BusAttachment, type BusEvent, coresTopic, type EventBus, type Topic } from '../event-bus/event-bus.ts';
import type { NewUser, UserRecord, Users } from './users.ts';

export interface CachedUsersOptions {
  readonly cache: Cache;
  /** Notifies other processes of changes. */
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /** The maximum number of hot users in the memory of the process. 0: none. */
  readonly localMax?: number;
  readonly localMs?: number;
  readonly hot?: Partial<HotKeysOptions>;
  readonly present?: Partial<PresentKeysOptions>;
}

const localDefaults = { localMax: 10_000, localMs: 5_000 };

const pageSize = 5_000;
/** The time until the keys are read again after a loss or a failed read. */
const fillAgainMs = 5_000;
/** The prefix of the keys of users in notifications. */
const keyMark = 'user ';

export class CachedUsers implements Users {
  readonly #users: Users;
  readonly #options: CachedUsersOptions;
  readonly #records: TieredCache<UserRecord>;
  readonly #tiers: TieredCache<string>;
  readonly #present: PresentKeys;
  readonly #attachment: BusAttachment;
  #filling: Promise<void> | undefined;
  #isStopped = false;

  constructor(users: Users, options: CachedUsersOptions) {
    this.#users = users;
    this.#options = options;
    this.#present = new PresentKeys(options.present);
    this.#records = new TieredCache({
      ...localDefaults,
      ...options,
      prefix: 'user:',
      load: async (keys) => byKey(await users.getUsers(keys as readonly UserId[])),
    });
    this.#tiers = new TieredCache({
      ...localDefaults,
      ...options,
      prefix: 'tier:',
      load: (keys) => this.#loadTiers(keys),
    });
    this.#attachment = options.bus.attach({
      onEvent: (event) => this.#heard(event),
      onLoss: (topics) => this.#lost(topics),
    });
  }

  /** Counts where values were found. */
  get counts(): TieredCounts {
    const [records, tiers] = [this.#records.counts, this.#tiers.counts];
    return {
      local: records.local + tiers.local,
      shared: records.shared + tiers.shared,
      store: records.store + tiers.store,
      joined: records.joined + tiers.joined,
    };
  }

  /**
   * Resolves when this process receives the changes of other processes. It does not wait for the list of existing users: until that is
   * read, every user may exist.
   */
  async follow(): Promise<void> {
    await this.#attachment.subscribe([coresTopic]);
    void this.fill();
  }

  stop(): void {
    this.#isStopped = true;
    this.#attachment.detach();
  }

  /** Reads which users exist, one read at a time. Also resolves when they could not be read. */
  fill(): Promise<void> {
    if (this.#isStopped || this.#present.isKnown) return Promise.resolve();
    this.#filling ??= this.#present
      .fill(this.#pages())
      .then(
        (outcome) => {
          if (outcome === 'forgotten') this.#fillLater();
        },
        (error: unknown) => {
          this.#warn('users not read', error);
          this.#fillLater();
        },
      )
      .finally(() => {
        this.#filling = undefined;
      });
    return this.#filling;
  }

  async getUsers(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, UserRecord>> {
    const keys = userIds.map(keyOf).filter((key) => this.#present.mayHold(key));
    const records = keys.length === 0 ? new Map<string, UserRecord>() : await this.#records.get(keys);
    const found = new Map<UserId, UserRecord>();
    for (const userId of userIds) {
      const record = records.get(keyOf(userId));
      if (record) found.set(userId, record);
    }
    return found;
  }

  async getTier(userId: UserId): Promise<string | undefined> {
    const key = keyOf(userId);
    return this.#present.mayHold(key) ? (await this.#tiers.get([key])).get(key) : undefined;
  }

  /**
   * [F5] Notifies before it stores the user, so that no process takes an existing user for a missing one. Rejects when it cannot notify.
   */
  async createUser(user: NewUser): Promise<boolean> {
    await this.#tell([keyOf(user.userId)]);
    return this.#changing([user.userId], () => this.#users.createUser(user));
  }

  updateUser(change: Parameters<Users['updateUser']>[0]): Promise<boolean> {
    return this.#changing([change.userId], () => this.#users.updateUser(change));
  }

  setTier(change: Parameters<Users['setTier']>[0]): Promise<boolean> {
    return this.#changing([change.userId], () => this.#users.setTier(change));
  }

  getPasswordHash(userId: UserId) {
    return this.#users.getPasswordHash(userId);
  }

  setPasswordHash(change: Parameters<Users['setPasswordHash']>[0]) {
    return this.#users.setPasswordHash(change);
  }

  searchUsers(request: Parameters<Users['searchUsers']>[0]) {
    return this.#users.searchUsers(request);
  }

  listUsers(request: Parameters<Users['listUsers']>[0]) {
    return this.#users.listUsers(request);
  }

  /** [F4] Also invalidates when the outcome is unknown, because cached values may be stale then. */
  async #changing<T>(userIds: readonly UserId[], change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } finally {
      const keys = userIds.map(keyOf);
      await Promise.all([this.#records.changed(keys), this.#tiers.changed(keys)]);
      // The change is stored. A process that misses the notification receives a loss report, or its cached values expire.
      await this.#tell(keys).catch((error: unknown) =>
        this.#warn('failed to notify other processes of changed users', error),
      );
    }
  }

  async #tell(keys: readonly string[]): Promise<void> {
    this.#present.add(keys);
    const told = keys.map((key) => keyMark + key);
    await this.#options.bus.publish([{ type: 'changed', topic: coresTopic, keys: told }]);
  }

  #heard(event: BusEvent): void {
    if (event.type !== 'changed') return;
    const keys = event.keys.flatMap((key) => (key.startsWith(keyMark) ? [key.slice(keyMark.length)] : []));
    this.#present.add(keys);
    this.#records.forget(keys);
    this.#tiers.forget(keys);
  }

  #lost(topics: readonly Topic[] | undefined): void {
    if (topics !== undefined && !topics.includes(coresTopic)) return;
    this.#present.forget();
    this.#records.forgetAll();
    this.#tiers.forgetAll();
    this.#fillLater();
  }

  #fillLater(): void {
    this.#options.clock.after(fillAgainMs, () => void this.fill());
  }

  async *#pages(): AsyncGenerator<readonly string[]> {
    for (let after: UserId | undefined; !this.#isStopped; ) {
      const page = await this.#users.listUsers({ limit: pageSize, ...(after && { after }) });
      yield page.map(({ userId }) => keyOf(userId));
      after = page.at(-1)?.userId;
      if (after === undefined) return;
    }
  }

  async #loadTiers(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const tiers = await Promise.all(keys.map(async (key) => [key, await this.#users.getTier(key as UserId)] as const));
    return new Map(tiers.flatMap(([key, tier]) => (tier === undefined ? [] : [[key, tier] as const])));
  }

  #warn(message: string, error: unknown): void {
    if (!(error instanceof StoreFailure)) throw error;
    this.#options.log.warn(message, { error });
  }
}

/** Ids that differ only in case are the same id. */
const keyOf = (userId: UserId): string => userId.toLowerCase();

const byKey = (users: ReadonlyMap<UserId, UserRecord>): ReadonlyMap<string, UserRecord> =>
  new Map([...users].map(([asked, record]) => [keyOf(asked), record]));
