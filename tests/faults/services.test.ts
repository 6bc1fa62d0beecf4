// The servers that fault tests break: each is killed, paused and started again alone, and what was durable is there afterwards.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { describeWith, ownServices } from '@hongyan/testing/services';
import type { ServiceSet } from '@hongyan/testing/services/service-set';
import { until } from '@hongyan/testing/until';
import { Redis } from 'ioredis';
import { createConnection, type RowDataPacket } from 'mysql2/promise';

const startMs = 180_000;

describeWith(['mysql', 'redis'], 'a set of its own', () => {
  let set: ServiceSet;
  beforeAll(async () => {
    set = await ownServices({ parts: ['mysql', 'redis'] });
  }, startMs);
  afterAll(() => set.down());

  test(
    'MariaDB is killed and started again: the same address, the committed rows',
    async () => {
      const { mysql } = set.addresses;
      if (!mysql) throw new Error('no mysql');
      const before = await createConnection({ ...mysql });
      before.on('error', () => {});
      await before.query('CREATE DATABASE kept');
      await before.query('CREATE TABLE kept.entry (id INT PRIMARY KEY)');
      await before.query('INSERT INTO kept.entry VALUES (1)');
      await set.server('mariadb').kill();
      await expect(createConnection({ ...mysql })).rejects.toThrow();
      await set.server('mariadb').start();
      const after = await createConnection({ ...mysql });
      const [rows] = await after.query<RowDataPacket[]>('SELECT id FROM kept.entry');
      expect(rows.map(({ id }) => id)).toEqual([1]);
      await after.end();
    },
    startMs,
  );

  test('a paused server keeps its connections and answers once it goes on', async () => {
    const client = new Redis(`redis://${set.addresses.redis?.address}`);
    await client.ping();
    set.server('redis').pause();
    let answered = false;
    const answer = client.ping().then(() => {
      answered = true;
    });
    await Bun.sleep(100);
    expect(answered).toBe(false);
    set.server('redis').resume();
    await answer;
    client.disconnect();
  });

  test('another process finds the set by its folder, and the set is gone when it is taken down', async () => {
    const services = Bun.spawn(['tools/services', 'status', '--data', set.folder], {
      cwd: `${import.meta.dir}/../..`,
      stdout: 'pipe',
    });
    expect(await new Response(services.stdout).text()).toMatch(
      /mariadb .* up\n.*redis .* up|redis .* up\n.*mariadb .* up/,
    );
    expect(await services.exited).toBe(0);
    const servers = set.servers;
    await set.down();
    await until(() => servers.every(({ isAlive }) => !isAlive()));
    expect(await Bun.file(`${set.folder}/services.json`).exists()).toBe(false);
  });
});
