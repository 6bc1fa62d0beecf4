// Clients of Redis for measurements, and what its servers did meanwhile.

import { parseAddress } from '@hongyan/base/address';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import { Redis } from 'ioredis';

export type Servers = Readonly<Record<string, readonly string[]>>;

export const surroundings = { clock: systemClock, log: silentLog };

export const openClient = (addresses: readonly string[], keyPrefix: string): Promise<RedisClient> =>
  RedisClient.open({ ...redisDefaults, addresses, keyPrefix }, surroundings);

export interface ServerWork {
  readonly commands: number;
  readonly cpuS: number;
}

/** Of all servers together, since they started. */
export async function serverWork(addresses: readonly string[]): Promise<ServerWork> {
  let [commands, cpuS] = [0, 0];
  for (const address of addresses) {
    const { hostname: host, port } = parseAddress(address);
    const redis = new Redis({ host, port });
    const info = await redis.info('everything');
    redis.disconnect();
    const numberOf = (name: string) => Number(info.match(new RegExp(`${name}:([\\d.]+)`))?.[1] ?? 0);
    commands += numberOf('total_commands_processed');
    cpuS += numberOf('used_cpu_sys') + numberOf('used_cpu_user');
  }
  return { commands, cpuS };
}

export const ownCpuS = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
