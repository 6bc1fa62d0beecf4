// Keeps each bucket on a live connection to the server that serves it: opens connections, follows failovers and moved slots, and
// subscribes everything again.

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
  /** Everything is subscribed again after a time in which something may have been lost. */
  readonly onInForce: (buckets: readonly Bucket[]) => void;
}

/** Between two looks for servers of the buckets that have none. */
const lookEveryMs = 200;
const lookAgainEveryMs = 2_000;
/** Shorter than that of commands: a server that is paused accepts connections and says nothing. */
const connectTimeoutMs = 1_000;

export class Shards {
  readonly buckets: readonly Bucket[] = Array.from({ length: bucketCount }, (_, index) => new Bucket(index));
  readonly #options: ShardsOptions;
  readonly #owners: BucketOwners;
  readonly #connections = new Map<string, ShardConnection>();
  /** Addresses to which a connection is being made. */
  readonly #connecting = new Set<string>();
  readonly #closing = new AbortController();
  readonly #timer: Timer | undefined;
  /** Of this publisher: new with each change of a connection. */
  #generation = 0;
  #isMoved = false;
  #isLooking = false;
  #lastError: unknown;

  static async open(options: ShardsOptions): Promise<Shards> {
    return new Shards(options, await BucketOwners.open(options.client));
  }

  private constructor(options: ShardsOptions, owners: BucketOwners) {
    this.#options = options;
    this.#owners = owners;
    if (options.client.isCluster) this.#timer = options.clock.every(lookAgainEveryMs, () => this.#lookAgain());
    this.look();
  }

  /** Publisher and generation, which say whether a message is from before or after a loss. */
  get source(): string {
    return `${this.#options.busId}.${this.#generation}`;
  }

  get connections(): readonly ShardConnection[] {
    return [...this.#connections.values()];
  }

  /** Why a bucket has no server. */
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

  /** Slots may have moved. Asked now and then as well: right after a move some servers do not know of it yet. */
  #lookAgain(): void {
    this.#isMoved = true;
    this.look();
  }

  /** For servers of the buckets that have none, until each has one. */
  look(): void {
    if (!this.#isLooking) void this.#lookOn();
  }

  async #lookOn(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    this.#isLooking = true;
    while (!signal.aborted && (this.#isMoved || this.buckets.some(({ connection }) => connection === undefined))) {
      this.#isMoved = false;
      try {
        this.#place(await this.#owners.read(this.connections));
      } catch (error) {
        this.#lastError = error;
        log.debug('servers of the bus not known', { error });
      }
      await sleep(clock, { delayMs: lookEveryMs, signal });
    }
    this.#isLooking = false;
  }

  #place(owners: readonly (string | undefined)[]): void {
    const homeless = new Map<string, Bucket[]>();
    for (const bucket of this.buckets) {
      const owner = owners[bucket.index];
      if (bucket.connection !== undefined && bucket.connection.address !== owner) this.#detach(bucket);
      if (bucket.connection !== undefined || owner === undefined) continue;
      const ofOwner = homeless.get(owner);
      if (ofOwner === undefined) homeless.set(owner, [bucket]);
      else ofOwner.push(bucket);
    }
    for (const [address, buckets] of homeless) if (!this.#connecting.has(address)) void this.#placeOn(address, buckets);
  }

  async #placeOn(address: string, buckets: readonly Bucket[]): Promise<void> {
    this.#connecting.add(address);
    try {
      const connection = this.#connections.get(address) ?? (await this.#connect(address, buckets));
      const free = buckets.filter((bucket) => bucket.connection === undefined);
      await this.#attach(connection, free);
    } catch (error) {
      this.#lastError = error;
      this.#options.log.debug('server of the bus not reached', { address, error });
    } finally {
      this.#connecting.delete(address);
      this.look();
    }
  }

  async #connect(address: string, [first]: readonly Bucket[]): Promise<ShardConnection> {
    const { client, clock, busId } = this.#options;
    const connection = await ShardConnection.open(parseAddress(address), {
      ...this.#options,
      redis: { ...client.options, connectTimeoutMs },
      clock,
      onDown: (down, why) => this.#onDown(down, why),
      onMoved: () => this.#lookAgain(),
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

  /** From the first command on the connection takes what is published and subscribed: nothing has to wait for the rest. */
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
      bucket.deafSinceMs = this.#options.clock.monotonicMs();
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
    this.look();
  }
}
