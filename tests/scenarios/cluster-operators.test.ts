// [O35] Any process of a cluster answers operators for all of them, also for what it does not have itself.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import { readRunning } from '@hongyan/server/compose/commands/running-file';
import { RedisNodeRegistry } from '@hongyan/server/ports/node-registry/redis-node-registry';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { ClusterUnderTest } from '../cluster-server.ts';
import { describedMetrics, scrapedMetrics } from '../metrics-page.ts';
import { killServers, removeDataFolders } from '../server-process.ts';
import { Person } from './people.ts';

setDefaultTimeout(120_000);

describeWith(['mysql', 'kafka', 'redis'], 'operators of a cluster', ({ redis }) => {
  let cluster: ClusterUnderTest;
  /** By the names of processes: where each listens to operators. */
  let urls: ReadonlyMap<string, string>;
  let token: string;

  let redisClient: RedisClient | undefined;
  let registry: RedisNodeRegistry;

  beforeAll(async () => {
    cluster = await ClusterUnderTest.start({ cores: 2, gateways: 1 });
    token = (await readFile(join(cluster.dataDir, 'operator-token'), 'utf8')).trim();
    urls = await listenersOf(cluster.dataDir, 3);
    const keyPrefix = `${cluster.env.HONGYAN_CLUSTER_NAME}:`;
    const options = { ...redisDefaults, addresses: [redis.address], keyPrefix };
    redisClient = await RedisClient.open(options, { clock: systemClock, log: silentLog });
    registry = new RedisNodeRegistry(redisClient);
  });
  afterAll(async () => {
    await redisClient?.close();
    await killServers();
    await removeDataFolders();
  });

  const named = (role: string) => [...urls.keys()].filter((name) => name.includes(`-${role}-`));
  const ask = async (name: string, method: string, path: string, body?: unknown) => {
    const response = await fetch(`${urls.get(name)}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  };

  test('a gateway answers what only cores have: users, keys, tiers, and a message that is looked for', async () => {
    const [gateway = ''] = named('gateway');
    await Person.join(cluster.gateways[0]?.url ?? '', 'asked-for');
    expect(await ask(gateway, 'GET', '/admin/v1/users/asked-for')).toMatchObject({ body: { user_id: 'asked-for' } });
    expect(await ask(gateway, 'PUT', '/admin/v1/users/asked-for/tier', { tier: 'paid' })).toMatchObject({
      status: 204,
    });
    expect(await ask(gateway, 'GET', '/admin/v1/users/asked-for/tier')).toMatchObject({ body: { tier: 'paid' } });
    const made = await ask(gateway, 'POST', '/admin/v1/keys', { name: 'shop', scopes: ['users:manage'] });
    expect(made.body.key).toStartWith('hy_');
    expect(await ask(gateway, 'DELETE', `/admin/v1/keys/${made.body.key_id}`)).toMatchObject({ status: 204 });
    expect(await ask(gateway, 'GET', '/admin/v1/messages/none')).toMatchObject({ status: 404 });
    expect(await ask(gateway, 'GET', '/admin/v1/nothing')).toMatchObject({ status: 404 });
    const stranger = await fetch(`${urls.get(gateway)}/admin/v1/users/asked-for`);
    expect(stranger.status).toBe(401);
  });

  test('every process shows the same quarter of an hour, and the connections of each', async () => {
    const url = cluster.gateways[0]?.url ?? '';
    const device = await (await Person.join(url, 'seen-everywhere')).device('d1');
    const overviews = () => Promise.all([...urls.keys()].map((name) => ask(name, 'GET', '/admin/v1/overview')));
    const upIn = ({ body }: { readonly body: Overview }) =>
      body.processes.flatMap(({ name, is_up }) => (is_up ? [name] : [])).sort();
    const everyone = [...urls.keys()].sort().join();
    await until(
      async () => {
        const all = await overviews();
        const firstPoints = new Set(all.map(({ body }) => body.points[0]?.at));
        return (
          firstPoints.size === 1 && !firstPoints.has(undefined) && all.every((one) => upIn(one).join() === everyone)
        );
      },
      { withinMs: 60_000 },
    );
    for (const name of urls.keys()) {
      const found = await Promise.all(
        named('gateway').map(async (gateway) => {
          const path = `/debug/connections?user_id=seen-everywhere&process=${gateway}`;
          return (await ask(name, 'GET', path)).body.connections;
        }),
      );
      expect(found.flat()).toHaveLength(1);
    }
    await device.close();
  });

  test('[O4] a scrape is of one process, under its name, unless all are wanted; readiness asks every server', async () => {
    const [[gateway = ''], [core = '']] = [named('gateway'), named('core')];
    const scraped = async (name: string, query = '') =>
      (await fetch(`${urls.get(name)}/metrics${query}`, { headers: { authorization: `Bearer ${token}` } })).text();
    const ofCore = await scraped(core);
    for (const store of ['timeline', 'directory', 'access', 'devices', 'events'])
      expect(ofCore).toContain(`hongyan_connections_in_use{store="${store}",process="${core}"}`);
    for (const queue of ['bus', 'redis', 'commands']) expect(ofCore).toContain(`{queue="${queue}",process="${core}"}`);
    expect(ofCore).toMatch(/^hongyan_cache_reads_total\{from="store",process="[^"]+"\} \d+$/m);
    expect(ofCore).toContain(`hongyan_command_log_lag{process="${core}"} 0`);
    const [ofGateway, ofAll] = [await scraped(gateway), await scraped(gateway, '?processes=all')];
    expect(ofGateway).not.toContain(`process="${core}"`);
    for (const name of urls.keys()) expect(ofAll).toContain(`hongyan_process_up{process="${name}"} 1`);
    const [names, { ofCluster, ...described }] = [scrapedMetrics(ofAll), describedMetrics];
    expect(names).toEqual(expect.arrayContaining([...ofCluster]));
    expect([...ofCluster, ...described.ofAll]).toEqual(expect.arrayContaining([...names]));
    const { checks } = (await ask(core, 'GET', '/readyz')).body;
    for (const server of ['kafka', 'redis', 'mysql timeline']) expect(checks[server]).toEqual({ status: 'ok' });
  });

  test('a level that is set at one process holds in all, and each can be asked for its own', async () => {
    const [one = ''] = named('gateway');
    expect((await ask(one, 'PUT', '/debug/log-level', { level: 'debug' })).status).toBeLessThan(300);
    for (const name of urls.keys())
      expect(await ask(one, 'GET', `/debug/log-level?process=${name}`)).toMatchObject({ body: { level: 'debug' } });
    const [core = ''] = named('core');
    await ask(one, 'PUT', `/debug/log-level?process=${core}`, { level: 'warn' });
    expect(await ask(core, 'GET', '/debug/log-level')).toMatchObject({ body: { level: 'warn' } });
    expect(await ask(one, 'GET', '/debug/log-level')).toMatchObject({ body: { level: 'debug' } });
    await ask(core, 'PUT', '/debug/log-level', { level: 'info' });
    for (const name of urls.keys())
      expect(await ask(name, 'GET', '/debug/log-level')).toMatchObject({ body: { level: 'info' } });
  });

  test('[O35] a profile of another process is kept where it was asked for, and found at every process', async () => {
    const [[gateway = ''], [core = '']] = [named('gateway'), named('core')];
    const taken = await ask(gateway, 'POST', '/admin/v1/profiles', { process: core, seconds: 1 });
    expect(taken).toMatchObject({ status: 200, body: { process: core } });
    const { body } = await ask(gateway, 'GET', '/admin/v1/profiles');
    expect(body.profiles).toMatchObject([{ id: taken.body.id, process: core }]);
    for (const name of urls.keys()) {
      expect((await ask(name, 'GET', '/admin/v1/profiles')).body.profiles).toEqual(body.profiles);
      const file = `/admin/v1/profiles/${taken.body.id}/cpu.pb.gz`;
      const { headers, status } = await fetch(`${urls.get(name)}${file}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect([status, headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
    }
    expect((await ask(core, 'GET', `/admin/v1/profiles?process=${core}`)).body.profiles).toEqual([]);
    expect(await ask(core, 'GET', '/admin/v1/profiles/none')).toMatchObject({ status: 404 });
  });

  test('an address in the register gets nothing that opens another process', async () => {
    const seen: string[] = [];
    const trap = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request) {
        seen.push(`${request.headers.get('authorization')} ${request.headers.get('cookie')}`);
        return Response.json({ connections: [] });
      },
    });
    const [core = ''] = named('core');
    const real = (await registry.list()).find(({ name }) => name === core);
    const fake = { ...announced('trap'), life: real?.life ?? '', operatorUrl: `http://127.0.0.1:${trap.port}` };
    const path = '/debug/connections?process=trap';
    await until(async () => {
      await registry.announce(fake);
      return (await ask(core, 'GET', path)).status === 200;
    });
    const [header = ''] = seen.at(-1)?.split(' null') ?? [];
    expect(seen.join()).not.toContain(token);
    // As it came it is good for this one question, and not for another.
    const replayed = (asked: string) => fetch(`${urls.get(core)}${asked}`, { headers: { authorization: header } });
    expect((await replayed('/debug/vars')).status).toBe(401);
    await registry.withdraw(fake);
    await until(async () => (await ask(core, 'GET', path)).status === 404);
    await trap.stop(true);
  });

  test('a process that does not answer is named, and the others answer for the rest', async () => {
    const [[stays = '', gone = ''], [gateway = '']] = [named('core'), named('gateway')];
    const ghost = { ...announced('ghost'), life: 'of-a-ghost', operatorUrl: 'http://127.0.0.1:1' };
    const saysOfGhost = async (method: string, path: string, body?: unknown) => {
      await registry.announce(ghost);
      return JSON.stringify(await ask(stays, method, path, body)).includes('ghost does not answer');
    };
    await until(() => saysOfGhost('GET', '/admin/v1/overview'));
    await until(() => saysOfGhost('PUT', '/debug/log-level', { level: 'info' }));
    await registry.withdraw(ghost);
    process.kill(Number((await ask(stays, 'GET', `/debug/vars?process=${gone}`)).body.pid), 'SIGKILL');
    await until(async () => (await ask(gateway, 'GET', '/admin/v1/users/asked-for')).status === 200, {
      withinMs: 30_000,
    });
    await until(async () => (await ask(stays, 'PUT', '/debug/log-level', { level: 'info' })).status < 300, {
      withinMs: 30_000,
    });
  });
});

interface Overview {
  readonly processes: readonly { readonly name: string; readonly is_up: boolean }[];
  readonly points: readonly { readonly at: number }[];
}

/** As a gateway says it of itself. */
const announced = (name: string) =>
  ({ name, roles: ['gateway'], state: 'ready', version: '0', startedAtMs: Date.now() }) as const;

/** Of so many processes; each writes down where it listens a moment before it is ready. */
async function listenersOf(dataDir: string, count: number): Promise<ReadonlyMap<string, string>> {
  const urls = new Map<string, string>();
  await until(async () => {
    for (const name of await readdir(join(dataDir, 'nodes'))) {
      const running = await readRunning(join(dataDir, 'nodes', name));
      if (running?.operatorUrl !== undefined) urls.set(name, running.operatorUrl);
    }
    return urls.size === count;
  });
  return urls;
}
