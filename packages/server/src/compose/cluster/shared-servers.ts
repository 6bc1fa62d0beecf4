// The servers that every process of a cluster uses, whatever its roles: Redis, with what lives in it.

import { RedisClient } from '../../adapters/redis/redis-client.ts';
import { isLoginRefused } from '../../adapters/redis/redis-failure.ts';
import { type RedisOptions, redisDefaults } from '../../adapters/redis/redis-options.ts';
import type { Config } from '../../config/options.ts';
import { redisServers } from '../../config/servers.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import { RedisEventBus } from '../../ports/event-bus/redis-event-bus.ts';
import type { NodeRegistry } from '../../ports/node-registry/node-registry.ts';
import { RedisNodeRegistry } from '../../ports/node-registry/redis-node-registry.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';
import { RedisRateLimiter } from '../../ports/rate-limiter/redis-rate-limiter.ts';
import { RedisSessionRegistry } from '../../ports/session-registry/redis-session-registry.ts';
import type { SessionRegistry } from '../../ports/session-registry/session-registry.ts';
import { type HealthCheck, healthy } from '../../roles/operator/health.ts';
import type { Surroundings } from '../surroundings.ts';
import { ServerTrouble } from './when-serving.ts';

export interface SharedServers {
  readonly redis: RedisClient;
  readonly bus: EventBus;
  readonly registry: SessionRegistry;
  readonly nodes: NodeRegistry;
  readonly checks: readonly HealthCheck[];
  /** `what`: buckets of different kinds do not meet. */
  limiter(what: string): RateLimiter;
  close(): Promise<void>;
}

/** Sessions of a node expire after this time without renewal. */
const sessionTtlMs = 30_000;

/** On a connection to Redis that `close` ends too. `instance`: of this process, new with every start. */
export async function openSharedServers(
  config: Config,
  { log, clock, metrics }: Surroundings,
  { redis, instance }: { readonly redis: RedisClient; readonly instance: string },
): Promise<SharedServers> {
  metrics.queue('redis', { depth: () => redis.waitingCount, max: redisDefaults.commandsMax });
  const check: HealthCheck = {
    name: 'redis',
    async check() {
      const problem = bus.problem ?? (await redis.problem());
      return problem === undefined ? healthy : { status: 'degraded', reason: problem };
    },
  };
  const bus = await RedisEventBus.open({ client: redis, clock, log, busId: instance });
  metrics.queue('bus', { depth: () => bus.waitingCharacters, max: bus.waitingCharactersMax });
  const limiters: RedisRateLimiter[] = [];
  return {
    redis,
    bus,
    registry: new RedisSessionRegistry({ client: redis, ttlMs: sessionTtlMs }),
    nodes: new RedisNodeRegistry(redis),
    checks: [check],
    limiter(name) {
      const bucketsMax = config.rateLimitBucketsMax;
      const limiter = new RedisRateLimiter({ client: redis, clock, log, name, holder: instance, bucketsMax });
      limiters.push(limiter);
      return limiter;
    },
    async close() {
      await Promise.all(limiters.map((limiter) => limiter.close()));
      bus.close();
      await redis.close();
    },
  };
}

/** Rejects with what to do when Redis cannot be reached. */
export async function openRedis(
  config: Config,
  surroundings: Pick<Surroundings, 'clock' | 'log'>,
): Promise<RedisClient> {
  const options: RedisOptions = { ...redisDefaults, ...redisServers(config), keyPrefix: `${config.clusterName}:` };
  try {
    return await RedisClient.open(options, surroundings);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const isDenied = isLoginRefused(why);
    const remedy = isDenied ? 'give the user and its password' : 'start it, or say where it is';
    throw new ServerTrouble(`Redis cannot be used: ${why}; ${remedy} by --redis-urls`, { mayPass: !isDenied, cause });
  }
}
