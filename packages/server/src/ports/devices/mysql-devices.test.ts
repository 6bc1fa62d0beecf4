// The devices of a cluster on a real server: the contract of every such store, and many writers at the same time.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { systemClock } from '@hongyan/base/clock';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith } from '@hongyan/testing/services';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import { openMysqlDevices } from './mysql-devices.ts';
import { encodeBatch } from './registration-batch.ts';
import { register, registration, token, touch, user } from './testing/builders.ts';
import { devicesContract } from './testing/contract.ts';

setDefaultTimeout(60_000);

describeWith(['mysql'], 'devices on MySQL', ({ mysql }) => {
  const environment = { clock: systemClock, random: Math.random };

  async function newDatabase() {
    const database = `devices_${randomUUID().slice(0, 8)}`;
    const admin = await MysqlPool.open({ ...mysql, database: 'mysql' }, environment);
    await admin.write(`create database ${database}`);
    return {
      open: () => openMysqlDevices({ ...mysql, database }, environment),
      async remove() {
        await admin.write(`drop database ${database}`);
        await admin.close();
      },
    };
  }

  devicesContract('mysql devices', async () => {
    const database = await newDatabase();
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
  });

  test('[T11][T12][T13] two processes that store the same devices at the same time keep each once, the newest, and count them right', async () => {
    const random = createRandom(testSeed('mysql-devices'));
    const database = await newDatabase();
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
    const database = await newDatabase();
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

  test('touches of many devices through two processes are all there, each with its latest time', async () => {
    const random = createRandom(testSeed('mysql-devices'));
    const database = await newDatabase();
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
