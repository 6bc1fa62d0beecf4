// Clients of Redis for tests: each with a key prefix of its own, whose keys are removed at its end.

import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { Cluster } from 'ioredis';
import { RedisClient } from '../redis-client.ts';
import { type RedisOptions, redisDefaults } from '../redis-options.ts';

export const testOptions = (addresses: readonly string[]): RedisOptions => ({
  ...redisDefaults,
  addresses,
  keyPrefix: `test-${crypto.randomUUID()}:`,
});

export const openTestClient = (options: RedisOptions): Promise<RedisClient> =>
  RedisClient.open(options, { clock: systemClock, log: silentLog });

/** Removes what the test left, and closes. */
export async function removeTestClient(client: RedisClient): Promise<void> {
  const { keyPrefix } = client.options;
  await client.run(async (commands) => {
    for (const server of commands instanceof Cluster ? commands.nodes('master') : [commands])
      for await (const keys of server.scanStream({ match: `${keyPrefix}*`, count: 1000 }))
        await Promise.all((keys as string[]).map((key) => server.unlink(key)));
  });
  await client.close();
}
