// The node registry in Redis: one hash with a field per node. Each record has its expiry time.

import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { nowOf, RedisScript } from '../../adapters/redis/redis-script.ts';
import { type AnnounceResult, type NodeRecord, type NodeRegistry, nodeTtlMs } from './node-registry.ts';

/** KEYS: nodes, drains. ARGV: name, life, started at, record, ttl. */
const announce = new RedisScript(`
${nowOf("''")}
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  local other = cjson.decode(known)
  if other.life ~= ARGV[2] and other.untilMs > now and other.startedAtMs > tonumber(ARGV[3]) then return {1, 0} end
end
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({
  life = ARGV[2], startedAtMs = tonumber(ARGV[3]), untilMs = now + tonumber(ARGV[5]), record = ARGV[4]
}))
local drain = redis.call('HGET', KEYS[2], ARGV[1])
if drain and drain ~= ARGV[2] then
  redis.call('HDEL', KEYS[2], ARGV[1])
  drain = false
end
return {0, drain and 1 or 0}
`);

/** KEYS: nodes, drains. ARGV: name, life. */
const withdraw = new RedisScript(`
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and cjson.decode(known).life == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
end
`);

/** KEYS: nodes, drains. Removes expired records, and returns the others. */
const list = new RedisScript(`
${nowOf("''")}
local records = {}
local all = redis.call('HGETALL', KEYS[1])
for index = 1, #all, 2 do
  local node = cjson.decode(all[index + 1])
  if node.untilMs > now then
    table.insert(records, node.record)
  else
    redis.call('HDEL', KEYS[1], all[index])
    redis.call('HDEL', KEYS[2], all[index])
  end
end
return records
`);

/** KEYS: nodes, drains. ARGV: name. */
const requestDrain = new RedisScript(`
${nowOf("''")}
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then return 0 end
local node = cjson.decode(known)
if node.untilMs <= now then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], node.life)
return 1
`);

export class RedisNodeRegistry implements NodeRegistry {
  readonly #redis: RedisClient;
  readonly #keys: readonly string[];
  readonly #ttlMs: number;

  constructor(redis: RedisClient, ttlMs = nodeTtlMs) {
    this.#redis = redis;
    this.#keys = [redis.key('all', 'nodes'), redis.key('drains', 'nodes')];
    this.#ttlMs = ttlMs;
  }

  async announce(node: NodeRecord): Promise<AnnounceResult> {
    const { name, life, startedAtMs } = node;
    const args = [name, life, startedAtMs, JSON.stringify(node), this.#ttlMs];
    const [isReplaced, isDrainRequested] = (await this.#redis.eval(announce, { keys: this.#keys, args })) as [
      number,
      number,
    ];
    return { isReplaced: isReplaced === 1, isDrainRequested: isDrainRequested === 1 };
  }

  async withdraw({ name, life }: Pick<NodeRecord, 'name' | 'life'>): Promise<void> {
    await this.#redis.eval(withdraw, { keys: this.#keys, args: [name, life] });
  }

  async list(): Promise<readonly NodeRecord[]> {
    const records = (await this.#redis.eval(list, { keys: this.#keys, args: [] })) as readonly string[];
    return records
      .map((record) => JSON.parse(record) as NodeRecord)
      .toSorted(({ name: a }, { name: b }) => (a < b ? -1 : 1));
  }

  async requestDrain(name: string): Promise<boolean> {
    return (await this.#redis.eval(requestDrain, { keys: this.#keys, args: [name] })) === 1;
  }
}
