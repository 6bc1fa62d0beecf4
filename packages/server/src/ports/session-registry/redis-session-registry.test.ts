// The registry in Redis, on a server and on a Cluster: its contract, and how it loses and restores sessions.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { openTestClient, removeTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { RedisSessionRegistry } from './redis-session-registry.ts';
import type { SessionRef } from './session-registry.ts';
import { sessionRegistryContract } from './testing/contract.ts';

const ttlMs = 30_000;
const session = (userId: string, sessionId: string, node = 'n1'): SessionRef => ({
  userId: userId as UserId,
  deviceId: `device of ${sessionId}` as DeviceId,
  sessionId,
  node,
});

function registryTests(addresses: readonly string[], name: string): void {
  sessionRegistryContract(name, async () => {
    const clock = new ManualClock();
    const client = await openTestClient(testOptions(addresses));
    return {
      registry: new RedisSessionRegistry({ client, ttlMs, clock }),
      ttlMs,
      pass: async (ms) => clock.advance(ms),
      remove: () => removeTestClient(client),
    };
  });

  let client: RedisClient;
  beforeAll(async () => {
    client = await openTestClient(testOptions(addresses));
  });
  afterAll(() => removeTestClient(client));
  /** As after FLUSHALL. */
  async function loseAll(): Promise<void> {
    const again = await openTestClient(client.options);
    await removeTestClient(again);
  }

  test('[R4] the next renewal of a node restores sessions that Redis lost', async () => {
    const registry = new RedisSessionRegistry({ client, ttlMs });
    const sessions = Array.from({ length: 300 }, (_, index) => session(`user ${index}`, `s${index}`));
    const users = sessions.map(({ userId }) => userId);
    await Promise.all(sessions.map((each) => registry.add(each)));
    await loseAll();
    expect((await registry.online(users)).size).toBe(0);
    await registry.renew('n1', sessions);
    expect((await registry.online(users)).size).toBe(300);
    expect(await registry.add(session('user 1', 'other'))).toEqual({ becameOnline: false });
    expect(await registry.remove(session('user 2', 's2'))).toEqual({ becameOffline: true });
    expect((await registry.forgetNode('n1')).length).toBe(299);
  });

  test('[R4] a session that is too much is dropped at the second renewal: it may have been on its way', async () => {
    const registry = new RedisSessionRegistry({ client, ttlMs });
    const [ann, ghost] = [session('ann', 'a'), session('ann', 'ghost')];
    for (const each of [ann, ghost]) await registry.add(each);
    const devices = async () => (await registry.online([ann.userId])).get(ann.userId);
    await registry.renew('n1', [ann]);
    expect(await devices()).toHaveLength(2);
    await registry.renew('n1', [ann]);
    expect(await devices()).toEqual([ann.deviceId]);
    await registry.forgetNode('n1');
  });

  test('[D9] a node that does not renew expires by the time of Redis, whichever process checks, and each user is returned once', async () => {
    const [one, other] = [1, 2].map(() => new RedisSessionRegistry({ client, ttlMs: 100 }));
    if (one === undefined || other === undefined) throw new Error('two registries');
    const sessions = Array.from({ length: 20 }, (_, index) => session(`user ${index}`, `s${index}`, 'gone'));
    await Promise.all(sessions.map((each) => one.add(each)));
    const offline: UserId[] = [];
    await until(async () => {
      offline.push(...(await Promise.all([one.expire(), other.expire()])).flat());
      return offline.length >= 20;
    });
    expect(offline.toSorted()).toEqual(sessions.map(({ userId }) => userId).toSorted());
    expect(await one.expire()).toEqual([]);
  });

  test('every key expires, so that a cluster that was shut down leaves no keys', async () => {
    const registry = new RedisSessionRegistry({ client, ttlMs });
    await registry.add(session('ann', 's1'));
    const keys = await client.run(async (commands) => {
      const found: string[] = [];
      for (const server of 'nodes' in commands ? commands.nodes('master') : [commands])
        for await (const some of server.scanStream({ match: `${client.options.keyPrefix}*` }))
          found.push(...(some as string[]));
      return found;
    });
    expect(keys.length).toBeGreaterThanOrEqual(3);
    for (const key of keys) expect(await client.run((commands) => commands.pttl(key))).toBeGreaterThan(0);
  });
}

describeWith(['redis'], 'registry on one Redis', ({ redis }) =>
  registryTests([redis.address], 'session registry on one Redis'),
);
describeWith(['redisCluster'], 'registry on a Redis Cluster', ({ redisCluster }) =>
  registryTests(redisCluster.addresses, 'session registry on a Redis Cluster'),
);
