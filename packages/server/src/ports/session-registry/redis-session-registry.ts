// The session registry of several processes, in Redis. Users are in buckets, each on one server, so that an operation on a user is atomic
// and one on a node takes a fixed number of round trips. Renewals restore sessions that Redis lost.

import type { Clock } from '@hongyan/base/clock';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import {
  addScript,
  dropScript,
  expiredScript,
  forgetScript,
  removeScript,
  renewScript,
  replaceScript,
  touchScript,
} from './redis/scripts.ts';
import type { SessionRef, SessionRegistry } from './session-registry.ts';

export interface RedisSessionRegistryOptions {
  readonly client: RedisClient;
  /** The time after the last `add` or `renew` of a node at which its sessions expire. */
  readonly ttlMs: number;
  /** For tests. Default: the time of Redis, which all processes share. */
  readonly clock?: Pick<Clock, 'nowMs'>;
}

/** MUST be equal in all processes of a cluster, and never change. */
const bucketCount = 64;
const buckets = Array.from({ length: bucketCount }, (_, index) => index);
const bucketOf = (userId: UserId): number => Bun.hash.xxHash32(userId) % bucketCount;
/** The lifetime of the keys in ttls, so that a cluster that was shut down leaves no keys behind. */
const keyTtls = 10;

/** The form in which the scripts store sessions. */
type StoredSession = readonly [sessionId: string, deviceId: DeviceId, node: string];

export class RedisSessionRegistry implements SessionRegistry {
  readonly #options: RedisSessionRegistryOptions;
  readonly #nodesKey: string;
  /** By node, the buckets in which the last renewal found a different number of sessions. A session may have been on its way. */
  readonly #mismatches = new Map<string, ReadonlySet<number>>();

  constructor(options: RedisSessionRegistryOptions) {
    this.#options = options;
    this.#nodesKey = options.client.key('session-nodes');
  }

  async add({ userId, deviceId, sessionId, node }: SessionRef): Promise<{ readonly becameOnline: boolean }> {
    const { client } = this.#options;
    const keys = this.#keys(bucketOf(userId), node);
    const args = [this.#keyTtlMs, userId, sessionId, deviceId, node];
    const [becameOnline] = await Promise.all([client.eval(addScript, { keys, args }), this.#renewNode(node)]);
    return { becameOnline: becameOnline === 1 };
  }

  async remove({ userId, sessionId, node }: SessionRef): Promise<{ readonly becameOffline: boolean }> {
    const keys = this.#keys(bucketOf(userId), node);
    const becameOffline = await this.#options.client.eval(removeScript, { keys, args: [userId, sessionId] });
    return { becameOffline: becameOffline === 1 };
  }

  async renew(node: string, sessions?: Iterable<SessionRef>): Promise<void> {
    const counts = await this.#touch(node);
    if (sessions === undefined) return;
    const byBucket = new Map<number, SessionRef[]>(buckets.map((bucket) => [bucket, []]));
    for (const session of sessions) byBucket.get(bucketOf(session.userId))?.push(session);
    const previous = this.#mismatches.get(node) ?? new Set();
    const differing = buckets.filter((bucket) => counts[bucket] !== byBucket.get(bucket)?.length);
    // An empty bucket that should have sessions has lost them. Otherwise a session may be on its way, but not twice in a row.
    const lost = differing.filter((bucket) => counts[bucket] === 0 || previous.has(bucket));
    if (differing.length === lost.length) this.#mismatches.delete(node);
    else this.#mismatches.set(node, new Set(differing.filter((bucket) => !lost.includes(bucket))));
    await Promise.all(lost.map((bucket) => this.#replace(node, bucket, byBucket.get(bucket) ?? [])));
  }

  async forgetNode(node: string): Promise<readonly UserId[]> {
    const { client } = this.#options;
    this.#mismatches.delete(node);
    const [offline] = await Promise.all([
      this.#drop([node]),
      client.run((commands) => commands.zrem(this.#nodesKey, node)),
    ]);
    return offline;
  }

  async expire(): Promise<readonly UserId[]> {
    const { client, ttlMs } = this.#options;
    const expired = (await client.eval(expiredScript, {
      keys: [this.#nodesKey],
      args: [this.#now, ttlMs],
    })) as readonly string[];
    if (expired.length === 0) return [];
    const offline = await this.#drop(expired);
    // Last, so that another process continues when this one ends before.
    await client.eval(forgetScript, { keys: [this.#nodesKey], args: [this.#now, ttlMs, ...expired] });
    return offline;
  }

  async online(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly DeviceId[]>> {
    const byBucket = Map.groupBy(new Set(userIds), bucketOf);
    const found = await Promise.all([...byBucket].map(([bucket, users]) => this.#sessionsOf(bucket, users)));
    const online = new Map<UserId, readonly DeviceId[]>();
    for (const [userId, sessions] of found.flat())
      online.set(userId, [...new Set(sessions.map(([, deviceId]) => deviceId))]);
    return online;
  }

  async #sessionsOf(bucket: number, users: readonly UserId[]) {
    const { client } = this.#options;
    const texts = await client.run((commands) => commands.hmget(this.#usersKey(bucket), ...users));
    return users.flatMap((userId, index): readonly (readonly [UserId, readonly StoredSession[]])[] => {
      const text = texts[index];
      return typeof text === 'string' ? [[userId, JSON.parse(text) as readonly StoredSession[]]] : [];
    });
  }

  /** Returns the number of the node's sessions in each bucket. */
  async #touch(node: string): Promise<readonly number[]> {
    const { client } = this.#options;
    const [counts] = await Promise.all([
      Promise.all(
        buckets.map((bucket) => client.eval(touchScript, { keys: this.#keys(bucket, node), args: [this.#keyTtlMs] })),
      ),
      this.#renewNode(node),
    ]);
    return counts as readonly number[];
  }

  async #replace(node: string, bucket: number, sessions: readonly SessionRef[]): Promise<void> {
    const args = sessions.flatMap(({ userId, sessionId, deviceId }) => [userId, sessionId, deviceId]);
    await this.#options.client.eval(replaceScript, {
      keys: this.#keys(bucket, node),
      args: [this.#keyTtlMs, node, ...args],
    });
  }

  async #drop(nodes: readonly string[]): Promise<readonly UserId[]> {
    const { client } = this.#options;
    const dropped = await Promise.all(
      nodes.flatMap((node) =>
        buckets.map((bucket) => client.eval(dropScript, { keys: this.#keys(bucket, node), args: [node] })),
      ),
    );
    return (dropped as readonly (readonly UserId[])[]).flat();
  }

  async #renewNode(node: string): Promise<void> {
    await this.#options.client.eval(renewScript, { keys: [this.#nodesKey], args: [this.#now, this.#keyTtlMs, node] });
  }

  get #now(): number | '' {
    return this.#options.clock?.nowMs() ?? '';
  }

  get #keyTtlMs(): number {
    return this.#options.ttlMs * keyTtls;
  }

  #usersKey(bucket: number): string {
    return this.#options.client.key('users', `s${bucket}`);
  }

  #keys(bucket: number, node: string): readonly string[] {
    return [this.#usersKey(bucket), this.#options.client.key(`held:${node}`, `s${bucket}`)];
  }
}
