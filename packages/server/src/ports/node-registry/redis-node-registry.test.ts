// The node registry on real servers.

import { describeWith } from '@hongyan/testing/services';
import { openTestClient, removeTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { RedisNodeRegistry } from './redis-node-registry.ts';
import { nodeRegistryContract } from './testing/contract.ts';

const makeOn = (addresses: readonly string[]) => async (ttlMs: number) => {
  const redis = await openTestClient(testOptions(addresses));
  return { registry: new RedisNodeRegistry(redis, ttlMs), remove: () => removeTestClient(redis) };
};

describeWith(['redis'], 'one Redis', ({ redis }) => nodeRegistryContract('Redis', makeOn([redis.address])));
describeWith(['redisCluster'], 'a Redis Cluster', ({ redisCluster }) =>
  nodeRegistryContract('a Redis Cluster', makeOn(redisCluster.addresses)),
);
