// A Redis Cluster of a test's own: which of its servers is what at the moment, and whether any of its masters may die.

import type { ServiceSet } from '@hongyan/testing/services/service-set';
import { until } from '@hongyan/testing/until';
import { Redis } from 'ioredis';

export type Server = ServiceSet['servers'][number];

export async function ask({ port }: Server, [name = '', ...args]: readonly string[]): Promise<unknown> {
  const redis = new Redis({ host: '127.0.0.1', port, enableReadyCheck: false });
  redis.on('error', () => undefined);
  const said = await redis.call(name, ...args);
  redis.disconnect();
  return said;
}

/** Of servers that live. */
export async function masters(servers: readonly Server[]): Promise<readonly Server[]> {
  const roles = await Promise.all(servers.map((server) => ask(server, ['ROLE'])));
  return servers.filter((_, index) => String(roles[index]).startsWith('master'));
}

/** All live, and each master has a replica that can take over. */
export async function untilWhole(servers: readonly Server[]): Promise<void> {
  const isWhole = async () => {
    const roles = await Promise.all(servers.map((server) => ask(server, ['ROLE'])));
    return roles.filter((role) => String(role).includes('connected')).length === 3;
  };
  await until(isWhole, { withinMs: 30_000, what: 'a whole Cluster' });
}

/**
 * After the death of a master, once a replica has its place: starts it again, as a replica. One that starts earlier is the master that it
 * was, without the data: servers of tests keep none.
 */
export async function rejoin(servers: readonly Server[]): Promise<void> {
  const living = servers.filter((server) => server.isAlive());
  await until(async () => (await masters(living)).length === 3, { withinMs: 30_000, what: 'a replica to take over' });
  await Promise.all(servers.map((server) => server.start()));
  await untilWhole(servers);
}
