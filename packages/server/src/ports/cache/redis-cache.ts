// The cache of a cluster, on Redis. A key has either a value or the lease of its loader. Each operation on a key is atomic.

import { type Random, spreadMs } from '@hongyan/base/random';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { RedisScript } from '../../adapters/redis/redis-script.ts';
import { type Cache, type CacheAnswer, type CacheEntry, type CacheTimes, cacheTimeDefaults } from './cache.ts';
import { newLease } from './memory-cache.ts';

/** The first letter of a stored value or lease. */
const [valueMark, leaseMark] = ['v', 'l'];

/** Returns the stored value or lease; otherwise a new lease. */
const leaseScript = new RedisScript(`
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`);

const putScript = new RedisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`);

export class RedisCache implements Cache {
  readonly #client: RedisClient;
  readonly #options: CacheTimes & { readonly random: Random };

  constructor(client: RedisClient, options: Partial<CacheTimes> & { readonly random: Random }) {
    this.#client = client;
    this.#options = { ...cacheTimeDefaults, ...options };
  }

  /** Reads plainly first, because most keys have a value, and a script costs the server several times as much. */
  get(keys: readonly string[]): Promise<readonly CacheAnswer[]> {
    return Promise.all(
      keys.map(async (key) => {
        const held = await this.#client.run((commands) => commands.get(this.#keyOf(key)));
        return answerOf(held ?? (await this.#lease(key)));
      }),
    );
  }

  async put(entries: readonly CacheEntry[]): Promise<void> {
    const { random, ttlMs } = this.#options;
    await Promise.all(
      entries.map(({ key, lease, value }) =>
        this.#client.eval(putScript, {
          keys: [this.#keyOf(key)],
          args: [leaseMark + lease, valueMark + value, spreadMs(ttlMs, random)],
        }),
      ),
    );
  }

  async drop(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#client.run((commands) => commands.unlink(this.#keyOf(key)))));
  }

  async #lease(key: string): Promise<string> {
    const { random, leaseMs } = this.#options;
    const args = [leaseMark + newLease(random), leaseMs];
    return (await this.#client.eval(leaseScript, { keys: [this.#keyOf(key)], args })) as string;
  }

  #keyOf(key: string): string {
    return this.#client.key(`cache:${key}`);
  }
}

function answerOf(held: string): CacheAnswer {
  const text = held.slice(1);
  return held.startsWith(valueMark) ? { type: 'hit', value: text } : { type: 'miss', lease: text };
}
