// Users near those who ask for them, in a process that has the directory of a cluster.

import { systemRandom } from '@hongyan/base/random';
import { RedisCache } from '../../ports/cache/redis-cache.ts';
import { CachedUsers } from '../../ports/directory/cached-users.ts';
import type { Users } from '../../ports/directory/users.ts';
import type { Closing } from '../closing.ts';
import type { Surroundings } from '../surroundings.ts';
import type { SharedServers } from './shared-servers.ts';

/** What stands between the directory's database and those who ask it for users. */
export function nearUsers(
  { redis, bus }: Pick<SharedServers, 'redis' | 'bus'>,
  { clock, log, metrics }: Pick<Surroundings, 'clock' | 'log' | 'metrics'>,
  closing: Closing,
): (users: Users) => Promise<Users> {
  return async (stored) => {
    const users = new CachedUsers(stored, { cache: new RedisCache(redis, { random: systemRandom }), bus, clock, log });
    closing.push(() => users.stop());
    metrics.counter({
      name: 'hongyan_cache_reads_total',
      help: 'Users and tiers that were asked for, by where they were found; joined: with those who were asking already',
      read: () => Object.entries(users.counts).map(([from, count]) => [{ from }, count] as const),
    });
    await users.follow();
    return users;
  };
}
