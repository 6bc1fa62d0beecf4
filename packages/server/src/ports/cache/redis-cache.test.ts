import { describeWith } from '@hongyan/testing/services';
import { ageTestKeys, openTestClient, removeTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { RedisCache } from './redis-cache.ts';
import { cacheContract, contractTimes } from './testing/contract.ts';

function contractAt(name: string, addresses: readonly string[]): void {
  cacheContract(name, async () => {
    const options = testOptions(addresses);
    const clients = [await openTestClient(options), await openTestClient(options)] as const;
    const [cache, another] = clients.map((client) => new RedisCache(client, { ...contractTimes, random: Math.random }));
    if (!cache || !another) throw new Error('two clients make two caches');
    return {
      cache,
      another,
      wait: (ms) => ageTestKeys(clients[0], ms),
      async remove() {
        await clients[1].close();
        await removeTestClient(clients[0]);
      },
    };
  });
}

describeWith(['redis'], 'cache on Redis', ({ redis }) => contractAt('redis cache', [redis.address]));
describeWith(['redisCluster'], 'cache on a Redis Cluster', ({ redisCluster }) =>
  contractAt('redis cluster cache', redisCluster.addresses),
);
