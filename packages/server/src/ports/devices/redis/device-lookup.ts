// A cache of frequent reads of devices, in Redis and so shared by all processes: a registered device by its token, and when a user was last
// seen. What is missing or unavailable is read from the store.

import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { RedisClient, RedisCommands } from '../../../adapters/redis/redis-client.ts';
import type { RegisteredDevice } from '../devices.ts';

/**
 * The lifetime of cached values. It bounds how long a stale value stays when a reader overlapped with a writer, or when a writer could not
 * reach Redis. It also bounds the delay of a registered device's last-seen time.
 */
const ttlS = 30;

export class DeviceLookup {
  readonly #redis: RedisClient;
  readonly #log: Log;

  constructor(redis: RedisClient, log: Log) {
    this.#redis = redis;
    this.#log = log;
  }

  async device(deviceToken: DeviceToken): Promise<RegisteredDevice | undefined> {
    const text = await this.#try((commands) => commands.get(this.#ofToken(deviceToken)));
    return text ? (JSON.parse(text) as RegisteredDevice) : undefined;
  }

  async keepDevice(device: RegisteredDevice): Promise<void> {
    const key = this.#ofToken(device.deviceToken);
    await this.#try((commands) => commands.set(key, JSON.stringify(device), 'EX', ttlS));
  }

  /** Invalidates changed records after their commit. */
  async forgetDevices(tokens: readonly DeviceToken[]): Promise<void> {
    await this.#forget(tokens.map((token) => this.#ofToken(token)));
  }

  /** The cached times, by the requested ids. */
  async lastSeen(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, number>> {
    const seen = new Map<UserId, number>();
    // One command per key, because in a Cluster the keys are on many servers. They are sent together.
    const texts = await Promise.all(
      userIds.map((userId) => this.#try((commands) => commands.get(this.#ofUser(userId)))),
    );
    for (const [index, userId] of userIds.entries()) {
      const text = texts[index];
      if (text) seen.set(userId, Number(text));
    }
    return seen;
  }

  async keepLastSeen(seen: ReadonlyMap<UserId, number>): Promise<void> {
    await Promise.all(
      Array.from(seen, ([userId, atMs]) =>
        this.#try((commands) => commands.set(this.#ofUser(userId), String(atMs), 'EX', ttlS)),
      ),
    );
  }

  async forgetUsers(userIds: readonly UserId[]): Promise<void> {
    await this.#forget(userIds.map((userId) => this.#ofUser(userId)));
  }

  #ofToken(token: DeviceToken): string {
    return this.#redis.key(`device:${token}`);
  }

  #ofUser(userId: UserId): string {
    return this.#redis.key(`seen:${userId.toLowerCase()}`);
  }

  async #forget(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#try((commands) => commands.unlink(key))));
  }

  /** When Redis is unavailable, reads go to the store, or a value stays for its lifetime. No caller fails. */
  async #try<T>(command: (commands: RedisCommands) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#redis.run(command);
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      this.#log.debug('device lookup unavailable', { error });
      return undefined;
    }
  }
}
