// What is asked often of devices, kept in Redis for a while, shared by all processes: a registered device by its token, and when a
// user was last seen. What is not there, or cannot be had now, is read from the store.

import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { RedisClient, RedisCommands } from '../../../adapters/redis/redis-client.ts';
import type { RegisteredDevice } from '../devices.ts';

/**
 * How long a reader that was overtaken by a writer, or a writer that could not reach Redis, may leave an old value; and how late the time
 * of a registered device's last session may be.
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

  /** Of a changed record, after its commit. */
  async forgetDevices(tokens: readonly DeviceToken[]): Promise<void> {
    await this.#forget(tokens.map((token) => this.#ofToken(token)));
  }

  /** Of those that are here; by the id as given. */
  async lastSeen(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, number>> {
    const seen = new Map<UserId, number>();
    // One by one: in a Cluster they lie on many servers. They leave together.
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

  /** Redis that is away costs a read of the store, or leaves a value for its time to live: no caller fails for it. */
  async #try<T>(command: (commands: RedisCommands) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#redis.run(command);
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      this.#log.debug('lookup of devices is away', { error });
      return undefined;
    }
  }
}
