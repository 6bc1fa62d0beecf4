// Redis clients for tests: each has a unique key prefix, and its keys are removed at the end.

import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { Cluster, type Redis } from 'ioredis';
import { RedisClient } from '../redis-client.ts';
import { type RedisOptions, redisDefaults } from '../redis-options.ts';

export const testOptions = (addresses: readonly string[]): RedisOptions => ({
  ...redisDefaults,
  addresses,
  keyPrefix: `test-${crypto.randomUUID()}:`,
});

export const openTestClient = (options: RedisOptions): Promise<RedisClient> =>
  RedisClient.open(options, { clock: systemClock, log: silentLog });

/** Advances the time of the test's keys only: no test waits, and none is late. */
export const ageTestKeys = (client: RedisClient, ms: number): Promise<void> =>
  forEachTestKey(client, async (server, key) => {
    const leftMs = await server.pttl(key);
    if (leftMs > 0) await server.pexpire(key, leftMs - ms);
  });

/** Removes what the test left, and closes. */
export async function removeTestClient(client: RedisClient): Promise<void> {
  await forEachTestKey(client, async (server, key) => void (await server.unlink(key)));
  await client.close();
}

async function forEachTestKey(client: RedisClient, each: (server: Redis, key: string) => Promise<void>): Promise<void> {
  const { keyPrefix } = client.options;
  await client.run(async (commands) => {
    for (const server of commands instanceof Cluster ? commands.nodes('master') : [commands]) {
      // A scan may return a key twice.
      const keys = new Set<string>();
      for await (const some of server.scanStream({ match: `${keyPrefix}*`, count: 1000 }))
        for (const key of some as string[]) keys.add(key);
      await Promise.all([...keys].map((key) => each(server, key)));
    }
  });
}
