// Servers that serve later than the process that needs them starts: it waits for each, and says for which.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith, ownServices } from '@hongyan/testing/services';
import type { ServiceSet } from '@hongyan/testing/services/service-set';
import { until } from '@hongyan/testing/until';
import { Redis } from 'ioredis';
import { ClusterUnderTest, clusterAddresses } from '../cluster-server.ts';
import { killServers, removeDataFolders, type ServerProcess, spawnServer } from '../server-process.ts';

setDefaultTimeout(120_000);

describeWith(['mysql', 'kafka', 'redis'], 'servers that serve late', () => {
  let set: ServiceSet;
  let cluster: ClusterUnderTest;

  beforeAll(async () => {
    set = await ownServices({ parts: ['mysql', 'kafka', 'redis'] });
    const addresses = clusterAddresses(set);
    if (addresses === undefined) throw new Error('the set has all three');
    cluster = await ClusterUnderTest.start({ addresses, cores: 0, gateways: 0 });
  }, 180_000);
  afterAll(async () => {
    await killServers();
    await set?.down();
    await removeDataFolders();
  });

  const start = (env: Readonly<Record<string, string>> = {}): ServerProcess =>
    spawnServer({ dataDir: cluster.dataDir, env: { ...cluster.env, ...env }, args: ['--roles', 'core'] });

  /** Also when it has left. */
  async function untilSaid(core: ServerProcess, text: string): Promise<void> {
    await until(() => core.output().includes(text) || !core.isAlive(), { withinMs: 60_000 });
    expect(core.output()).toContain(text);
  }

  // Longer than one try, but for MySQL, where a try is as long as the wait.
  for (const [name, server, said] of [
    ['redis', 'Redis', 'Redis cannot be used'],
    ['mariadb', 'MySQL', 'it has not answered yet'],
    ['kafka-1', 'Kafka', 'Kafka cannot be used'],
  ] as const)
    test(`${server} that stands still when a core starts is waited for`, async () => {
      set.server(name).pause();
      const core = start();
      await untilSaid(core, `"message":"waiting for a server","server":"${server}","error":"${said}`);
      set.server(name).resume();
      await untilSaid(core, 'Hongyan is ready');
      expect(await core.stop()).toBe(0);
    });

  test('Redis that is started after the core is waited for', async () => {
    await set.server('redis').stop();
    const core = start();
    await untilSaid(core, 'Redis cannot be used: no Redis answers');
    await set.server('redis').start();
    await untilSaid(core, 'Hongyan is ready');
    expect(await core.stop()).toBe(0);
  });

  test('a password that is refused ends the start at once, and says which option it is about', async () => {
    const mysql = cluster.env.HONGYAN_MYSQL_URL ?? '';
    const core = start({ HONGYAN_MYSQL_URL: mysql.replace(/:[^:@]+@/, ':wrong@') });
    expect(await core.left()).toBe(1);
    expect(core.output()).toContain('give the user and its password by --mysql-url');
    expect(core.output()).not.toContain('waiting for a server');
    const redis = new Redis(cluster.env.HONGYAN_REDIS_URLS ?? '');
    await redis.config('SET', 'requirepass', 'secret');
    const other = start();
    expect(await other.left()).toBe(1);
    expect(other.output()).toContain('give the user and its password by --redis-urls');
    await redis.config('SET', 'requirepass', '');
    redis.disconnect();
  });
});
