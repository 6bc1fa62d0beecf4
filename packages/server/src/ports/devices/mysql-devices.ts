// The store of devices of a cluster: a database of the MySQL protocol that any number of processes write to.

import { Batcher } from '@hongyan/base/batcher';
import type { DeviceToken, UserId } from '@hongyan/protocol/ids';
import { migrateDatabase } from '../../adapters/mysql/migrate.ts';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import { MysqlOutbox } from '../../adapters/mysql/outbox.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { DeviceReader, Devices, DeviceTouch } from './devices.ts';
import { DeviceReads } from './mysql/device-reads.ts';
import { OwnerWrites } from './mysql/owner-writes.ts';
import { RegistrationWrites } from './mysql/registration-writes.ts';
import { devicesLayout } from './mysql/schema.ts';
import type { RegistrationBatch } from './registration-batch.ts';

/** Touches that wait for their commit; further ones reject with `overloaded`. */
const touchesMax = 100_000;
/** Of one statement. */
const touchBatchMax = 500;

/** Rejects when the server cannot be reached, or holds tables of a later version. */
export async function openMysqlDevices(
  options: MysqlOptions,
  environment: Parameters<typeof MysqlPool.open>[1],
): Promise<Devices> {
  const pool = await MysqlPool.open(options, environment);
  try {
    await migrateDatabase(pool, devicesLayout);
    return new MysqlDevices(pool);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

class MysqlDevices implements Devices {
  readonly #pool: MysqlPool;
  readonly outbox: Outbox;
  readonly #reads: DeviceReads;
  readonly #registrations: RegistrationWrites;
  readonly #owners: OwnerWrites;
  readonly #touches: Batcher<DeviceTouch, undefined>;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
    this.outbox = new MysqlOutbox(pool);
    this.#reads = new DeviceReads(pool);
    this.#registrations = new RegistrationWrites(pool);
    this.#owners = new OwnerWrites(pool);
    this.#touches = new Batcher({
      itemsMax: touchesMax,
      batchMax: touchBatchMax,
      inFlightMax: 1,
      handle: async (touches) => {
        await this.#owners.touch(touches);
        return touches.map(() => undefined);
      },
    });
  }

  ofUsers(userIds: readonly UserId[]) {
    return this.#reads.ofUsers(userIds);
  }

  lastSeen(userIds: readonly UserId[]) {
    return this.#reads.lastSeen(userIds);
  }

  get(deviceToken: DeviceToken) {
    return this.#reads.get(deviceToken);
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

  bind(request: Parameters<Devices['bind']>[0]) {
    return this.#owners.bind(request);
  }

  unbind(request: Parameters<Devices['unbind']>[0]) {
    return this.#owners.unbind(request);
  }

  touch(touch: DeviceTouch): Promise<void> {
    return this.#touches.submit(touch);
  }

  notSeenSince(request: Parameters<Devices['notSeenSince']>[0]) {
    return this.#reads.notSeenSince(request);
  }

  async forget(request: Parameters<Devices['forget']>[0]): Promise<number> {
    return request.keys.length === 0 ? 0 : this.#owners.forget(request);
  }

  async close(): Promise<void> {
    await this.#touches.drain();
    await this.#pool.close();
  }
}
