// What the tiers in front of the directory save: users are asked for by the law of Zipf, some are changed, and each way is measured by
// what it asks of Redis and of the database. On the servers of tools/services.
// bun bench/cache.ts [--users n] [--reads n] [--local n]

import { parseArgs } from 'node:util';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { UserId } from '@hongyan/protocol/ids';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import type { Cache } from '@hongyan/server/ports/cache/cache';
import { RedisCache } from '@hongyan/server/ports/cache/redis-cache';
import { CachedUsers } from '@hongyan/server/ports/directory/cached-users';
import type { Directory } from '@hongyan/server/ports/directory/directory';
import { openMysqlDirectory } from '@hongyan/server/ports/directory/mysql-directory';
import type { Users } from '@hongyan/server/ports/directory/users';
import { MemoryEventBus } from '@hongyan/server/ports/event-bus/memory-event-bus';
import { Scratch } from '@hongyan/testing/scratch';
import { createRandom } from '@hongyan/testing/seed';
import { ServiceSet } from '@hongyan/testing/services/service-set';
import { servicesFolder } from '@hongyan/testing/services/state';
import { machine } from './report.ts';

const seed = 20_261_126;
const atOnce = 20;
/** One change to so many reads. */
const readsPerChange = 1_000;

interface Asked {
  redis: number;
  database: number;
}

interface Way {
  readonly name: string;
  open(users: Users, cache: Cache): Users & { stop?(): void };
}

const count = (value: string | undefined, otherwise: number): number =>
  value === undefined ? otherwise : Number(value);

async function main(): Promise<void> {
  const flags = { users: { type: 'string' }, reads: { type: 'string' }, local: { type: 'string' } } as const;
  const { values } = parseArgs({ options: flags });
  const [users, reads] = [count(values.users, 100_000), count(values.reads, 200_000)];
  const localMax = count(values.local, 1_000);
  const set = ServiceSet.open(servicesFolder());
  const redis = set?.addresses.redis;
  if (!set?.has('mysql') || !redis) throw new Error('MySQL and Redis are not up: run tools/services up');
  const scratch = new Scratch(set.addresses);
  const environment = { clock: systemClock, random: Math.random };
  const directory = await openMysqlDirectory(await scratch.database('bench'), environment);
  console.error(`creating ${users} users`);
  await createUsers(directory, users);
  console.log(
    `${JSON.stringify(machine())}\n${users} users, ${reads} reads by Zipf (s = 1), one change to ${readsPerChange}\n`,
  );
  console.log(
    '| way | Redis commands per 1,000 reads | statements per 1,000 reads | µs of CPU per read | reads/s | p50 ms | p99 ms |',
  );
  console.log('|---|---|---|---|---|---|---|');
  const asked: Asked = { redis: 0, database: 0 };
  for (const [number, way] of ways(localMax).entries()) {
    // None finds what another one left.
    const options = { ...redisDefaults, addresses: [redis.address], keyPrefix: `${scratch.prefix}${number}:` };
    const client = await RedisClient.open(options, { clock: systemClock, log: silentLog });
    const cache = countedCache(new RedisCache(client, { random: Math.random }), asked);
    await measure(way.open(countedUsers(directory, asked), cache), { name: way.name, asked, reads, usersCount: users });
    await client.close();
  }
  await directory.close();
  await scratch.remove();
}

function ways(localMax: number): readonly Way[] {
  const cached = (local: number, hotShare: number) => (users: Users, cache: Cache) =>
    new CachedUsers(users, {
      ...{ cache, bus: new MemoryEventBus(), clock: systemClock, log: silentLog },
      ...{ localMax: local, hot: { hotShare } },
    });
  return [
    { name: 'database alone', open: (users) => users },
    { name: 'Redis, nothing local', open: cached(0, 0) },
    { name: `Redis, the last ${localMax} local`, open: cached(localMax, 0) },
    { name: `Redis, up to ${localMax} hot local`, open: cached(localMax, 1 / 2_000) },
  ];
}

async function measure(
  users: ReturnType<Way['open']>,
  run: { readonly name: string; readonly asked: Asked; readonly reads: number; readonly usersCount: number },
): Promise<void> {
  const { name, asked, reads, usersCount } = run;
  const random = createRandom(seed);
  // Rank r with a share of about 1 / (r * ln n).
  const next = () => idOf(Math.min(usersCount - 1, Math.floor(usersCount ** random()) - 1));
  const delays: number[] = [];
  const readAll = async () => {
    let done = 0;
    const reader = async () => {
      while (done++ < reads) {
        const begunMs = performance.now();
        await users.getUsers([next()]);
        delays.push(performance.now() - begunMs);
        if (done % readsPerChange === 0) await users.updateUser({ userId: next(), isDisabled: false });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, reader));
  };
  // As many before, so that the caches are filled.
  await readAll();
  delays.length = 0;
  [asked.redis, asked.database] = [0, 0];
  const cpu = process.cpuUsage();
  const begunMs = performance.now();
  await readAll();
  const elapsedS = (performance.now() - begunMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  users.stop?.();
  delays.sort((one, other) => one - other);
  const quantile = (share: number) => (delays[Math.floor(delays.length * share)] ?? 0).toFixed(2);
  const perThousand = (total: number) => ((total / reads) * 1000).toFixed(0);
  const cells = [perThousand(asked.redis), perThousand(asked.database), ((user + system) / reads).toFixed(1)];
  const times = [(reads / elapsedS).toFixed(0), quantile(0.5), quantile(0.99)];
  console.log(`| ${[name, ...cells, ...times].join(' | ')} |`);
}

const idOf = (rank: number): UserId => `user${String(rank).padStart(8, '0')}` as UserId;

async function createUsers(directory: Directory, users: number): Promise<void> {
  let created = 0;
  const creator = async () => {
    while (created < users) {
      const userId = idOf(created++);
      await directory.createUser({ userId, displayName: `User ${userId}`, createdAtMs: 1 });
    }
  };
  await Promise.all(Array.from({ length: 20 }, creator));
}

/** Each key is a command: a read, a lease where it is missing, a value put, a value dropped. */
function countedCache(cache: Cache, asked: Asked): Cache {
  return {
    async get(keys) {
      const answers = await cache.get(keys);
      asked.redis += keys.length + answers.filter(({ type }) => type === 'miss').length;
      return answers;
    },
    put(entries) {
      asked.redis += entries.length;
      return cache.put(entries);
    },
    drop(keys) {
      asked.redis += keys.length;
      return cache.drop(keys);
    },
  };
}

function countedUsers(users: Users, asked: Asked): Users {
  return new Proxy(users, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        asked.database++;
        return (value as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

await main();
