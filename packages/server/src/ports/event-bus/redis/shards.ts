// Connects each bucket to the server that serves it: opens connections, follows failovers and moved slots, and renews subscriptions after
// a reconnect.

import { parseAddress } from '@hongyan/base/address';
import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { RedisClient } from '../../../adapters/redis/redis-client.ts';
import { Bucket, bucketCount, channelOf, echoName, lossesName } from './bucket.ts';
import { BucketOwners } from './bucket-owners.ts';
import { ShardConnection, type ShardOptions } from './shard-connection.ts';

export interface ShardsOptions extends Pick<ShardOptions, 'echoEveryMs' | 'echoesMissedMax' | 'onMessage'> {
  readonly client: RedisClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly busId: string;
  /** These buckets are subscribed again. Events may have been lost before. */
  readonly onInForce: (buckets: readonly Bucket[]) => void;
}

/** Interval of searches while a bucket has no server. */
const searchEveryMs = 200;
const refreshEveryMs = 2_000;
/** Shorter than the timeout of commands: a paused server accepts connections but does not respond. */
const connectTimeoutMs = 1_000;

export class Shards {
  readonly buckets: readonly Bucket[] = Array.from({ length: bucketCount }, (_, index) => new Bucket(index));
  readonly #options: ShardsOptions;
  readonly #owners: BucketOwners;
  readonly #connections = new Map<string, ShardConnection>();
  /** Addresses with a connection attempt in flight. */
  readonly #connecting = new Set<string>();
  readonly #closing = new AbortController();
  readonly #timer: Timer | undefined;
  /** Incremented with each new connection of this publisher. */
  #generation = 0;
  #isMoved = false;
  #isSearching = false;
  #lastError: unknown;

  static async open(options: ShardsOptions): Promise<Shards> {
    return new Shards(options, await BucketOwners.open(options.client));
  }

  private constructor(options: ShardsOptions, owners: BucketOwners) {
    this.#options = options;
    this.#owners = owners;
    if (options.client.isCluster) this.#timer = options.clock.every(refreshEveryMs, () => this.#refresh());
    this.search();
  }

  /** Publisher and generation: receivers use it to tell messages before a loss from those after it. */
  get source(): string {
    return `${this.#options.busId}.${this.#generation}`;
  }

  get connections(): readonly ShardConnection[] {
    return [...this.#connections.values()];
  }

  /** The latest error of a bucket without a server. */
  get lastError(): unknown {
    return this.#lastError;
  }

  channel(bucket: Bucket, name: string): string {
    return channelOf(this.#options.client.options.keyPrefix, bucket.index, name);
  }

  close(): void {
    this.#closing.abort();
    this.#timer?.cancel();
    for (const connection of this.connections) connection.close();
  }

  /** Reads the owners of slots again. Also called periodically, because right after a move some servers do not know of it yet. */
  #refresh(): void {
    this.#isMoved = true;
    this.search();
  }

  /** Searches for the servers of buckets without a connection, until each has one. */
  search(): void {
    if (!this.#isSearching) void this.#searchAll();
  }

  async #searchAll(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    this.#isSearching = true;
    while (!signal.aborted && (this.#isMoved || this.buckets.some(({ connection }) => connection === undefined))) {
      this.#isMoved = false;
      try {
        this.#place(await this.#owners.read(this.connections));
      } catch (error) {
        this.#lastError = error;
        log.debug('servers of the event bus unknown', { error });
      }
      await sleep(clock, { delayMs: searchEveryMs, signal });
    }
    this.#isSearching = false;
  }

  #place(owners: readonly (string | undefined)[]): void {
    const unplaced = new Map<string, Bucket[]>();
    for (const bucket of this.buckets) {
      const owner = owners[bucket.index];
      if (bucket.connection !== undefined && bucket.connection.address !== owner) this.#detach(bucket);
      if (bucket.connection !== undefined || owner === undefined) continue;
      const ofOwner = unplaced.get(owner);
      if (ofOwner === undefined) unplaced.set(owner, [bucket]);
      else ofOwner.push(bucket);
    }
    for (const [address, buckets] of unplaced) if (!this.#connecting.has(address)) void this.#placeOn(address, buckets);
  }

  async #placeOn(address: string, buckets: readonly Bucket[]): Promise<void> {
    this.#connecting.add(address);
    try {
      const connection = this.#connections.get(address) ?? (await this.#connect(address, buckets));
      const free = buckets.filter((bucket) => bucket.connection === undefined);
      await this.#attach(connection, free);
    } catch (error) {
      this.#lastError = error;
      this.#options.log.debug('server of the event bus unreachable', { address, error });
    } finally {
      this.#connecting.delete(address);
      this.search();
    }
  }

  async #connect(address: string, [first]: readonly Bucket[]): Promise<ShardConnection> {
    const { client, clock, busId } = this.#options;
    const connection = await ShardConnection.open(parseAddress(address), {
      ...this.#options,
      redis: { ...client.options, connectTimeoutMs },
      clock,
      onDown: (down, why) => this.#onDown(down, why),
      onMoved: () => this.#refresh(),
    });
    this.#connections.set(address, connection);
    if (this.#closing.signal.aborted) connection.close();
    try {
      await connection.watch(this.channel(first ?? new Bucket(0), echoName(busId)));
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Publications and subscriptions use the connection immediately, without waiting for the resubscription to finish. */
  async #attach(connection: ShardConnection, buckets: readonly Bucket[]): Promise<void> {
    this.#generation++;
    for (const bucket of buckets) {
      bucket.connection = connection;
      bucket.changes.clear();
      if (bucket.announcement !== undefined) bucket.waiting.push(bucket.announcement);
      bucket.announcement = undefined;
    }
    try {
      await Promise.all(
        buckets.map((bucket) =>
          connection.subscribe([lossesName, ...bucket.topics].map((name) => this.channel(bucket, name))),
        ),
      );
    } catch (error) {
      for (const bucket of buckets) if (bucket.connection === connection) this.#detach(bucket);
      throw error;
    }
    const inForce = buckets.filter((bucket) => bucket.connection === connection);
    for (const bucket of inForce) {
      bucket.isInForce = true;
      for (const { inForce: settled } of bucket.waiting.splice(0)) settled.resolve();
    }
    this.#options.log.info('bus connected', { address: connection.address, buckets: inForce.length });
    this.#options.onInForce(inForce);
  }

  #detach(bucket: Bucket): void {
    if (bucket.isInForce) {
      bucket.disconnectedSinceMs = this.#options.clock.monotonicMs();
      bucket.missing = new Set(bucket.topics);
    }
    bucket.connection = undefined;
    bucket.isInForce = false;
  }

  #onDown(connection: ShardConnection, why: string): void {
    const { address } = connection;
    if (this.#connections.get(address) === connection) this.#connections.delete(address);
    const lost = this.buckets.filter((bucket) => bucket.connection === connection);
    for (const bucket of lost) this.#detach(bucket);
    if (this.#closing.signal.aborted) return;
    this.#options.log.warn('bus connection lost', { address, why, buckets: lost.length });
    this.search();
  }
}
