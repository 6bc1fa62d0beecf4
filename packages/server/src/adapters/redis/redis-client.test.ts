// The Redis client, against a server and a Cluster: batches, scripts, the deadline, the bound, and reconnects.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { StoreFailure } from '@hongyan/base/result';
import { rejectionOf } from '@hongyan/testing/rejection';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { Redis } from 'ioredis';
import type { RedisClient } from './redis-client.ts';
import { nowOf, RedisScript } from './redis-script.ts';
import { openTestClient, removeTestClient, testOptions } from './testing/clients.ts';

const append = new RedisScript(`redis.call('RPUSH', KEYS[1], ARGV[1]); return redis.call('LLEN', KEYS[1])`);

function clientTests(addresses: readonly string[], isCluster: boolean): void {
  let client: RedisClient;
  beforeAll(async () => {
    client = await openTestClient(testOptions(addresses));
  });
  afterAll(() => removeTestClient(client));

  test('detects whether it is connected to a server or a Cluster', () => expect(client.isCluster).toBe(isCluster));

  test('commands of one turn are all answered, in their order for each key', async () => {
    const keys = Array.from({ length: 200 }, (_, index) => client.key(`k${index}`));
    await Promise.all(keys.flatMap((key) => [1, 2].map((value) => client.run((commands) => commands.set(key, value)))));
    const values = await Promise.all(keys.map((key) => client.run((commands) => commands.get(key))));
    expect(new Set(values)).toEqual(new Set(['2']));
    expect(client.waitingCount).toBe(0);
  });

  test('a script runs on servers that do not know it yet, and again after they forgot it', async () => {
    const key = client.key('list', 'tag');
    expect(await client.eval(append, { keys: [key], args: ['a'] })).toBe(1);
    const forgetful = await openTestClient(client.options);
    for (const address of addresses) await askOne(address, ['SCRIPT', 'FLUSH']);
    const lengths = await Promise.all([1, 2, 3].map(() => forgetful.eval(append, { keys: [key], args: ['b'] })));
    expect(lengths.toSorted()).toEqual([2, 3, 4]);
    await forgetful.close();
  });

  test('a script uses the time of its caller if given, otherwise that of the server', async () => {
    const time = new RedisScript(`${nowOf('ARGV[1]')} return tostring(now)`);
    const timeOf = async (argument: string) =>
      Number(await client.eval(time, { keys: [client.key('time')], args: [argument] }));
    expect(await timeOf('123.5')).toBe(123.5);
    const seconds = (await timeOf('')) / 1000;
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60);
  });

  test('an invalid command is a bug and not a failure of the environment', async () => {
    const key = client.key('text');
    await client.run((commands) => commands.set(key, 'text'));
    const error = await rejectionOf(client.run((commands) => commands.lpush(key, 'x')));
    expect(error).not.toBeInstanceOf(StoreFailure);
  });

  test('every server answers: there is no problem', async () => expect(await client.problem()).toBeUndefined());

  test('beyond its bound commands are refused as overloaded, and none of those before', async () => {
    const small = await openTestClient({ ...client.options, commandsMax: 3 });
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => small.run((commands) => commands.ping())));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(results[3]).toMatchObject({ reason: { code: 'overloaded' } });
    await small.close();
    expect(await rejectionOf(small.run((commands) => commands.ping()))).toMatchObject({ code: 'unavailable' });
  });
}

/** By a connection of its own. */
async function askOne(address: string, [name = '', ...args]: readonly string[]): Promise<unknown> {
  const [host = '', port = ''] = address.split(':');
  const redis = new Redis({ host, port: Number(port) });
  const said = await redis.call(name, ...args);
  redis.disconnect();
  return said;
}

describeWith(['redis'], 'client of one Redis', ({ redis }) => clientTests([redis.address], false));
describeWith(['redisCluster'], 'client of a Redis Cluster', ({ redisCluster }) =>
  clientTests(redisCluster.addresses, true),
);

test('the error names an address where no server listens', async () => {
  const error = await rejectionOf(openTestClient(testOptions(['127.0.0.1:1', '127.0.0.1:2'])));
  expect(error).toMatchObject({ code: 'unavailable' });
  expect(String(error)).toMatch(/127\.0\.0\.1:1 .*127\.0\.0\.1:2/);
});

describeWith(['redis'], 'a Redis that breaks', () => {
  let services: Awaited<ReturnType<typeof ownServices>>;
  let client: RedisClient;
  const server = () => services.server('redis');
  const ping = () => client.run((commands) => commands.ping());
  const isBack = () =>
    ping().then(
      () => true,
      () => false,
    );
  beforeAll(async () => {
    services = await ownServices({ parts: ['redis'] });
    client = await openTestClient({
      ...testOptions([services.addresses.redis?.address ?? '']),
      commandTimeoutMs: 500,
    });
  });
  afterAll(async () => {
    await client.close();
    await services.down();
  });
  beforeEach(() => until(isBack, { what: 'the client to be back' }));

  test('[R1] paused: commands fail at their deadline and do not hang; continued, the client is back by itself', async () => {
    server().pause();
    const failures = await Promise.all([1, 2, 3].map(() => rejectionOf(ping())));
    for (const failure of failures) expect(failure).toMatchObject({ code: 'unavailable' });
    expect(await client.problem()).toMatch(/127\.0\.0\.1/);
    server().resume();
    await until(isBack, { what: 'the client to be back' });
  });

  test('[R1] killed and started again: commands fail meanwhile, and the client is back by itself', async () => {
    const key = client.key('count');
    let [done, failed] = [0, 0];
    const counting = async () => {
      for (let round = 0; round < 200; round++) {
        await client
          .run((commands) => commands.incr(key))
          .then(
            () => done++,
            () => failed++,
          );
      }
    };
    const running = counting();
    await server().kill();
    await until(async () => failed > 0, { what: 'a command to fail' });
    await server().start();
    await running;
    await until(isBack, { what: 'the client to be back' });
    expect(failed).toBeGreaterThan(0);
    expect(done + failed).toBe(200);
  });
});

describeWith(['redisCluster'], 'a Cluster that breaks', () => {
  let services: Awaited<ReturnType<typeof ownServices>>;
  let client: RedisClient;
  const keys = Array.from({ length: 30 }, (_, index) => `key ${index}`);
  const works = async () => {
    const results = await Promise.allSettled(
      keys.map((key) => client.run((commands) => commands.incr(client.key(key)))),
    );
    return results.every(({ status }) => status === 'fulfilled');
  };
  beforeAll(async () => {
    services = await ownServices({ parts: ['redisCluster'] });
    client = await openTestClient({
      ...testOptions(services.addresses.redisCluster?.addresses ?? []),
      commandTimeoutMs: 500,
    });
  });
  afterAll(async () => {
    await client.close();
    await services.down();
  });
  beforeEach(() => until(works, { what: 'the client to be back', withinMs: 20_000 }));

  for (const [how, end, begin] of [
    ['killed', 'kill', 'start'],
    ['paused', 'pause', 'resume'],
  ] as const)
    test(`[R1] a master that is ${how}: commands fail, none hangs, and its successor is found without a hand`, async () => {
      const roles = await Promise.all(services.servers.map(({ port }) => askOne(`127.0.0.1:${port}`, ['ROLE'])));
      const master = services.servers[roles.findIndex((role) => String(role).startsWith('master'))];
      await master?.[end]();
      await until(async () => !(await works()), { what: 'commands of the lost shard to fail' });
      await until(works, { what: 'the successor to be found', withinMs: 20_000 });
      await master?.[begin]();
    });

  test('[R1] all servers stop and return: commands fail at once, and are not executed after their callers have failed', async () => {
    const late = client.key('late');
    for (const server of services.servers) await server.kill();
    await until(async () => !(await works()), { what: 'commands to fail' });
    const failures = await Promise.all(
      Array.from({ length: 20 }, () => rejectionOf(client.run((commands) => commands.incr(late)))),
    );
    for (const failure of failures) expect(failure).toMatchObject({ code: 'unavailable' });
    expect(await client.problem()).toBeDefined();
    await Promise.all(services.servers.map((server) => server.start()));
    await until(works, { what: 'the Cluster to be back', withinMs: 30_000 });
    expect(await client.run((commands) => commands.get(late))).toBeNull();
    expect(client.waitingCount).toBe(0);
  });
});
