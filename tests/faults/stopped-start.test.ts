// A signal that comes while a process of a cluster waits for what it needs: it ends at once, as one that serves does.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import { findRunning } from '@hongyan/server/compose/commands/running-file';
import { RedisNodeRegistry } from '@hongyan/server/ports/node-registry/redis-node-registry';
import { originTables } from '@hongyan/server/ports/timeline/mysql/origin';
import { freePort } from '@hongyan/testing/free-port';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { Admin } from '@platformatic/kafka';
import { createConnection } from 'mysql2/promise';
import { ClusterUnderTest } from '../cluster-server.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, spawnServer } from '../server-process.ts';

setDefaultTimeout(90_000);

describeWith(['mysql', 'kafka', 'redis'], 'a start that waits, and a signal', ({ mysql, kafka, redis }) => {
  let cluster: ClusterUnderTest;
  let registryClient: RedisClient;
  // It accepts connections, and says nothing: a try lasts as long as its deadline.
  const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });

  beforeAll(async () => {
    cluster = await ClusterUnderTest.start({ cores: 0, gateways: 0 });
    const options = { ...redisDefaults, addresses: [redis.address], keyPrefix: `${cluster.name}:` };
    registryClient = await RedisClient.open(options, { clock: systemClock, log: silentLog });
  });
  afterAll(async () => {
    silent.stop(true);
    await registryClient?.close();
    await killServers();
    await removeDataFolders();
  });

  const placesAt = (port: number): Readonly<Record<string, Readonly<Record<string, string>>>> => ({
    Redis: { HONGYAN_REDIS_URLS: `redis://127.0.0.1:${port}` },
    MySQL: { HONGYAN_MYSQL_URL: `mysql://root@127.0.0.1:${port}` },
    Kafka: { HONGYAN_KAFKA_BROKERS: `127.0.0.1:${port}` },
  });

  async function starting(roles: string, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const args = ['--roles', roles, '--node', 'late'];
    const own = spawnServer({ dataDir: cluster.dataDir, env: { ...cluster.env, ...env }, args });
    await until(() => /waiting for a |: waiting for hongyan/.test(own.output()) || !own.isAlive(), {
      withinMs: 60_000,
    });
    return own;
  }

  // `left` kills one that is there after fifteen seconds, which is half of the wait: then there is no exit code.
  for (const server of ['Redis', 'MySQL', 'Kafka'] as const) {
    test(`[O20] SIGTERM ends a start that waits for ${server}, whose port is closed`, async () => {
      const core = await starting('core', placesAt(freePort())[server]);
      expect(core.output()).toContain(`"message":"waiting for a server","server":"${server}"`);
      process.kill(core.pid, 'SIGTERM');
      expect(await core.left()).toBe(0);
      expect(core.output()).toContain('"message":"start cancelled","signal":"SIGTERM"');
      expect(core.output()).not.toContain('hongyan start:');
    });

    test(`[O20] SIGINT ends a start that waits for ${server}, which does not answer`, async () => {
      const core = await starting('core', placesAt(silent.port)[server]);
      expect(core.output()).toContain(`"message":"waiting for a server","server":"${server}"`);
      process.kill(core.pid, 'SIGINT');
      expect(await core.left()).toBe(0);
      expect(core.output()).toContain('"message":"start cancelled","signal":"SIGINT"');
    });
  }

  test('[O20][N1] SIGTERM ends a gateway that waits for a core, and it is listed no longer', async () => {
    const registry = new RedisNodeRegistry(registryClient);
    const gateway = await starting('gateway');
    expect(gateway.output()).toContain('"message":"waiting for a core"');
    await until(async () => (await registry.list()).length > 0);
    process.kill(gateway.pid, 'SIGTERM');
    expect(await gateway.left()).toBe(0);
    expect(gateway.output()).toContain('"message":"start cancelled","signal":"SIGTERM"');
    expect(await registry.list()).toEqual([]);
  });

  test('[O3] the command line finds a gateway that waits for a core, until its start is given up', async () => {
    const gateway = await starting('gateway');
    const running = await findRunning(cluster.dataDir);
    expect(running).toMatchObject({ pid: gateway.pid, roles: ['gateway'] });
    const readiness = await fetch(`${running?.operatorUrl}/readyz`);
    expect(await readiness.text()).toContain('waiting for a core');
    process.kill(gateway.pid, 'SIGTERM');
    expect(await gateway.left()).toBe(0);
    expect(await findRunning(cluster.dataDir)).toBeUndefined();
  });

  test('[N3] a gateway that is drained while it waits for a core lets nobody in when there is one, until it is stopped', async () => {
    const registry = new RedisNodeRegistry(registryClient);
    const stateOf = async (name: string) => (await registry.list()).find((node) => node.name === name)?.state;
    const gateway = await starting('gateway');
    await until(async () => (await stateOf('late')) === 'starting');
    expect(await registry.requestDrain('late')).toBe(true);
    await until(async () => (await stateOf('late')) === 'drained');
    const core = await cluster.startCore();
    const other = await cluster.startGateway();
    expect(await stateOf('late')).toBe('drained');
    expect(await fetch(`${gateway.url}/readyz`).catch(() => 'nobody listens')).toBe('nobody listens');
    expect(gateway.output()).not.toContain('Hongyan is ready');
    process.kill(gateway.pid, 'SIGTERM');
    expect(await gateway.left()).toBe(0);
    expect(await stateOf('late')).toBeUndefined();
    await other.stop();
    await core.stop();
  });

  test('a start that fails leaves the cores that it had joined, and its worker does nothing more', async () => {
    const dataDir = await dataFolder('taken');
    const args = ['--roles', 'core,worker,gateway', '--node', 'taken', '--link-listen', '127.0.0.1:0'];
    const own = spawnServer({ dataDir, env: cluster.env, port: silent.port, args });
    expect(await own.left()).toBe(1);
    expect(own.output()).toContain(`another process listens on 127.0.0.1:${silent.port}`);
    expect(own.output()).not.toContain('"level":"error"');
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.brokers] });
    const groups = [`${cluster.name}.cores`];
    const described = await admin.describeGroups({ groups });
    await admin.close();
    expect(groups.map((group) => described.get(group)?.members.size)).toEqual([0]);
  });

  test('[O20] SIGTERM ends a core that waits until a store is moved', async () => {
    const database = await createConnection({ ...mysql, database: `${cluster.name}_timeline` });
    for (const table of originTables) await database.query(table);
    await database.query("insert into origin (id, epoch, through, is_complete) values (1, 'other', 0, 0)");
    await database.end();
    const core = await starting('core');
    expect(core.output()).toContain('a store is being migrated into this cluster');
    process.kill(core.pid, 'SIGTERM');
    expect(await core.left()).toBe(0);
    expect(core.output()).toContain('"message":"start cancelled","signal":"SIGTERM"');
  });
});
