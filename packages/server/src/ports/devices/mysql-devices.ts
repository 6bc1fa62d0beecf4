// The device store of a cluster, in a database with the MySQL protocol. Any number of processes write to it.

import { Batcher } from '@hongyan/base/batcher';
import type { DeviceToken, UserId } from '@hongyan/protocol/ids';
import { migrateDatabase } from '../../adapters/mysql/migrate.ts';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import { MysqlOutbox } from '../../adapters/mysql/outbox.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { DeviceKey, DeviceReader, Devices, DeviceTouch, RegisteredDevice } from './devices.ts';
import { DeviceReads } from './mysql/device-reads.ts';
import { OwnerWrites } from './mysql/owner-writes.ts';
import { RegistrationWrites } from './mysql/registration-writes.ts';
import { devicesLayout } from './mysql/schema.ts';
import type { DeviceLookup } from './redis/device-lookup.ts';
import type { RegistrationBatch } from './registration-batch.ts';

/** The maximum number of waiting touches. Further ones reject with `overloaded`. */
const touchesMax = 100_000;
/** The maximum number of touches per statement. */
const touchBatchMax = 500;

/** `lookup` caches frequent reads. Rejects when the server cannot be reached, or has tables of a later version. */
export async function openMysqlDevices(
  options: MysqlOptions,
  environment: Parameters<typeof MysqlPool.open>[1],
  lookup?: DeviceLookup,
): Promise<Devices> {
  const pool = await MysqlPool.open(options, environment);
  try {
    await migrateDatabase(pool, devicesLayout);
    return new MysqlDevices(pool, lookup);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

class MysqlDevices implements Devices {
  readonly #pool: MysqlPool;
  readonly #lookup: DeviceLookup | undefined;
  readonly outbox: Outbox;
  readonly #reads: DeviceReads;
  readonly #registrations: RegistrationWrites;
  readonly #owners: OwnerWrites;
  readonly #touches: Batcher<DeviceTouch, undefined>;

  constructor(pool: MysqlPool, lookup: DeviceLookup | undefined) {
    this.#pool = pool;
    this.#lookup = lookup;
    this.outbox = new MysqlOutbox(pool);
    this.#reads = new DeviceReads(pool);
    this.#registrations = new RegistrationWrites(pool, async (tokens) => lookup?.forgetDevices(tokens));
    this.#owners = new OwnerWrites(pool);
    this.#touches = new Batcher({
      itemsMax: touchesMax,
      batchMax: touchBatchMax,
      inFlightMax: 1,
      handle: async (touches) => {
        await this.#owners.touch(touches);
        await this.#changed(touches);
        return touches.map(() => undefined);
      },
    });
  }

  ofUsers(userIds: readonly UserId[]) {
    return this.#reads.ofUsers(userIds);
  }

  ofUser(request: Parameters<Devices['ofUser']>[0]) {
    return this.#reads.ofUser(request);
  }

  async lastSeen(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, number>> {
    const lookup = this.#lookup;
    if (lookup === undefined) return this.#reads.lastSeen(userIds);
    const known = await lookup.lastSeen(userIds);
    const read = await this.#reads.lastSeen(userIds.filter((userId) => !known.has(userId)));
    await lookup.keepLastSeen(read);
    return new Map(
      userIds.flatMap((userId) => {
        const atMs = known.get(userId) ?? read.get(userId);
        return atMs === undefined ? [] : [[userId, atMs]];
      }),
    );
  }

  async get(deviceToken: DeviceToken): Promise<RegisteredDevice | undefined> {
    const known = await this.#lookup?.device(deviceToken);
    if (known !== undefined) return known;
    const device = await this.#reads.get(deviceToken);
    if (device !== undefined) await this.#lookup?.keepDevice(device);
    return device;
  }

  list(request: Parameters<DeviceReader['list']>[0]) {
    return this.#reads.list(request);
  }

  counts(request: Parameters<DeviceReader['counts']>[0]) {
    return this.#reads.counts(request);
  }

  total() {
    return this.#reads.total();
  }

  async register(batches: readonly RegistrationBatch[]): Promise<{ readonly storedCount: number }> {
    return { storedCount: await this.#registrations.register(batches) };
  }

  async bind(request: Parameters<Devices['bind']>[0]): ReturnType<Devices['bind']> {
    const { outcome, changed } = await this.#owners.bind(request);
    await this.#lookup?.forgetDevices(changed);
    return outcome;
  }

  async unbind(request: Parameters<Devices['unbind']>[0]): Promise<boolean> {
    const isFree = await this.#owners.unbind(request);
    if (isFree) await this.#lookup?.forgetDevices([request.deviceToken]);
    return isFree;
  }

  touch(touch: DeviceTouch): Promise<void> {
    return this.#touches.submit(touch);
  }

  notSeenSince(request: Parameters<Devices['notSeenSince']>[0]) {
    return this.#reads.notSeenSince(request);
  }

  async forget(request: Parameters<Devices['forget']>[0]): Promise<number> {
    if (request.keys.length === 0) return 0;
    const tokens = await this.#tokensOf(request.keys);
    const count = await this.#owners.forget(request);
    await this.#lookup?.forgetDevices(tokens);
    await this.#lookup?.forgetUsers(request.keys.map(({ userId }) => userId));
    return count;
  }

  async close(): Promise<void> {
    await this.#touches.drain();
    await this.#pool.close();
  }

  async #changed(keys: readonly DeviceKey[]): Promise<void> {
    await this.#lookup?.forgetDevices(await this.#tokensOf(keys));
    await this.#lookup?.forgetUsers(keys.map(({ userId }) => userId));
  }

  /** The tokens of registered devices. Read only when there is a lookup. */
  async #tokensOf(keys: readonly DeviceKey[]): Promise<readonly DeviceToken[]> {
    return this.#lookup === undefined ? [] : this.#reads.tokensOf(keys);
  }
}
