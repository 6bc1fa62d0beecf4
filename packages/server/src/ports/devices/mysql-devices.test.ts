// The device store of a cluster on a real server: its contract, and many concurrent writers.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { type AddressesOf, describeWith } from '@hongyan/testing/services';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import { openTestClient, removeTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { openMysqlDevices } from './mysql-devices.ts';
import { DeviceLookup } from './redis/device-lookup.ts';
import { encodeBatch } from './registration-batch.ts';
import { register, registration, token, touch, user } from './testing/builders.ts';
import { type DevicesUnderTest, devicesContract } from './testing/contract.ts';

setDefaultTimeout(60_000);

const environment = { clock: systemClock, random: Math.random };

async function newDatabase(server: AddressesOf<'mysql'>['mysql'], lookup?: DeviceLookup) {
  const database = `devices_${randomUUID().slice(0, 8)}`;
  const admin = await MysqlPool.open({ ...server, database: 'mysql' }, environment);
  await admin.write(`create database ${database}`);
  return {
    open: () => openMysqlDevices({ ...server, database }, environment, lookup),
    async remove() {
      await admin.write(`drop database ${database}`);
      await admin.close();
    },
  };
}

async function underTest(database: Awaited<ReturnType<typeof newDatabase>>): Promise<DevicesUnderTest> {
  const devices = await database.open();
  let current = devices;
  return {
    devices,
    async reopen() {
      await current.close();
      current = await database.open();
      return current;
    },
    async remove() {
      await current.close();
      await database.remove();
    },
  };
}

describeWith(['mysql', 'redis'], 'devices on MySQL with a lookup in Redis', ({ mysql, redis }) => {
  const newLookup = async () => {
    const client = await openTestClient(testOptions([redis.address]));
    return { client, lookup: new DeviceLookup(client, silentLog) };
  };

  // What was changed is read at once, with the lookup as without it.
  devicesContract('mysql devices with a lookup', async () => {
    const { client, lookup } = await newLookup();
    const made = await underTest(await newDatabase(mysql, lookup));
    return {
      ...made,
      async remove() {
        await made.remove();
        await removeTestClient(client);
      },
    };
  });

  test('[T17] a device and the time a user was seen are read once for all processes, until they change; without Redis from the store', async () => {
    const { client, lookup } = await newLookup();
    const database = await newDatabase(mysql, lookup);
    const both = await Promise.all([database.open(), database.open()]);
    const [one, other] = both;
    await register(one, registration('token-a'));
    await one.touch(touch('ann', 'phone', 5));
    await one.get(token('token-a'));
    await one.lastSeen([user('ann')]);
    expect(await lookup.device(token('token-a'))).toMatchObject({ firmware: '1.0' });
    expect(Object.fromEntries(await lookup.lastSeen([user('ANN'), user('bob')]))).toEqual({ ANN: 5 });
    await register(other, registration('token-a', { firmware: '2.0', registeredAtMs: 2_000 }));
    expect(await one.get(token('token-a'))).toMatchObject({ firmware: '2.0' });
    await other.bind({ deviceToken: token('token-a'), userId: user('ann'), deviceId: 'phone' as never });
    expect(await one.get(token('token-a'))).toMatchObject({ userId: user('ann'), lastSeenMs: 5 });
    await other.touch(touch('Ann', 'phone', 9));
    expect(await one.get(token('token-a'))).toMatchObject({ lastSeenMs: 9 });
    expect([...(await one.lastSeen([user('ann')])).values()]).toEqual([9]);
    await removeTestClient(client);
    expect(await one.get(token('token-a'))).toMatchObject({ lastSeenMs: 9 });
    await other.touch(touch('ann', 'phone', 11));
    expect([...(await one.lastSeen([user('ann')])).values()]).toEqual([11]);
    await Promise.all(both.map((each) => each.close()));
    await database.remove();
  });
});

describeWith(['mysql'], 'devices on MySQL', ({ mysql }) => {
  devicesContract('mysql devices', async () => underTest(await newDatabase(mysql)));

  test('[T11][T12][T13] two processes that store the same devices at the same time keep each once, the newest, and count them right', async () => {
    const random = createRandom(testSeed('mysql-devices'));
    const database = await newDatabase(mysql);
    const both = await Promise.all([database.open(), database.open()]);
    const versions = Array.from({ length: 12 }, () =>
      Array.from({ length: 2_000 }, (_, index) =>
        registration(`token-${index}`, {
          model: `M${Math.floor(random() * 3)}`,
          registeredAtMs: 1_000 + Math.floor(random() * 50),
        }),
      ),
    );
    await Promise.all(versions.map((version, index) => both[index % 2]?.register([encodeBatch(version)])));
    const newest = versions[0]?.map((_, index) =>
      Math.max(...versions.map((each) => each[index]?.registeredAtMs ?? 0)),
    );
    const [devices] = both;
    const { devices: stored } = await devices.list({ limit: 10_000 });
    expect(new Map(stored.map(({ deviceToken, registeredAtMs }) => [String(deviceToken), registeredAtMs]))).toEqual(
      new Map(newest?.map((atMs, index) => [`token-${index}`, atMs])),
    );
    expect(await devices.total()).toBe(2_000);
    for (const { model, count } of await devices.counts({ limit: 10 }))
      expect(stored.filter((each) => each.model === model)).toHaveLength(count);
    await Promise.all(both.map((each) => each.close()));
    await database.remove();
  });

  test('[T14] of users who bind a device at the same time through two processes one gets it', async () => {
    const database = await newDatabase(mysql);
    const both = await Promise.all([database.open(), database.open()]);
    const [devices] = both;
    await register(devices, registration('token-a'));
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        both[index % 2]?.bind({
          deviceToken: token('token-a'),
          userId: user(`user-${index}`),
          deviceId: 'phone' as never,
        }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'bound')).toHaveLength(1);
    expect((await devices.get(token('token-a')))?.userId).toBe(user(`user-${outcomes.indexOf('bound')}`));
    await Promise.all(both.map((each) => each.close()));
    await database.remove();
  });

  test('touches of many devices by two processes are all stored, each with its latest time', async () => {
    const random = createRandom(testSeed('mysql-devices'));
    const database = await newDatabase(mysql);
    const both = await Promise.all([database.open(), database.open()]);
    const latest = new Map<string, number>();
    const touches = Array.from({ length: 4_000 }, () => {
      const [id, atMs] = [`user-${Math.floor(random() * 300)}`, Math.floor(random() * 10_000)];
      latest.set(id, Math.max(latest.get(id) ?? 0, atMs));
      return touch(id, 'phone', atMs);
    });
    await Promise.all(touches.map((one, index) => both[index % 2]?.touch(one)));
    const seen = await both[0].lastSeen([...latest.keys()].map(user));
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(latest));
    await Promise.all(both.map((each) => each.close()));
    await database.remove();
  });
});
