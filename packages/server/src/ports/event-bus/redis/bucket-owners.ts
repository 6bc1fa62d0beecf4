// Finds the server that serves each bucket.

import { type Address, formatAddress, parseAddress } from '@hongyan/base/address';
import { Redis } from 'ioredis';
import type { RedisClient } from '../../../adapters/redis/redis-client.ts';
import { connectionOptions } from '../../../adapters/redis/redis-options.ts';
import { bucketCount, channelOf } from './bucket.ts';
import type { ShardConnection } from './shard-connection.ts';

export class BucketOwners {
  readonly #client: RedisClient;
  /** The slot of each bucket; empty without a Cluster. */
  readonly #slots: readonly number[];
  /** All known servers, queried if no connection is left. */
  readonly #known: Set<string>;
  #attempts = 0;

  static async open(client: RedisClient): Promise<BucketOwners> {
    const buckets = Array.from({ length: bucketCount }, (_, index) => channelOf(client.options.keyPrefix, index, ''));
    const slots = client.isCluster
      ? await Promise.all(buckets.map((key) => client.run((commands) => commands.cluster('KEYSLOT', key))))
      : [];
    return new BucketOwners(client, slots);
  }

  private constructor(client: RedisClient, slots: readonly number[]) {
    this.#client = client;
    this.#slots = slots;
    this.#known = new Set(client.options.addresses);
  }

  /** host:port by bucket; undefined: no server is known. Rejects if no server responds. */
  async read(connections: readonly ShardConnection[]): Promise<readonly (string | undefined)[]> {
    const { addresses } = this.#client.options;
    if (!this.#client.isCluster) {
      const address = addresses[this.#attempts++ % addresses.length];
      return Array.from({ length: bucketCount }, () => address);
    }
    const live = connections.filter(({ isUp }) => isUp);
    const queries =
      live.length > 0 ? live.map(rangesFrom) : [...this.#known].map((address) => this.#rangesFrom(address));
    const ranges = await Promise.any(queries);
    for (const { address } of ranges) this.#known.add(address);
    return this.#slots.map((slot) => ranges.find(({ first, last }) => first <= slot && slot <= last)?.address);
  }

  async #rangesFrom(address: string): Promise<readonly SlotRange[]> {
    const asked = parseAddress(address);
    const { hostname: host, port } = asked;
    const redis = new Redis({
      ...connectionOptions(this.#client.options),
      host,
      port,
      lazyConnect: true,
      retryStrategy: null,
    });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return rangesOf(await redis.cluster('SLOTS'), asked);
    } finally {
      redis.disconnect();
    }
  }
}

interface SlotRange {
  readonly first: number;
  readonly last: number;
  /** Address of the master. */
  readonly address: string;
}

const rangesFrom = async (connection: ShardConnection): Promise<readonly SlotRange[]> =>
  rangesOf(await connection.slots(), parseAddress(connection.address));

/** A range is an array of its first slot, its last slot, and its servers: the master first, each starting with host and port. */
function rangesOf(reply: unknown, asked: Address): readonly SlotRange[] {
  const ranges = reply as readonly [number, number, readonly [string | null, number, ...unknown[]], ...unknown[]][];
  return ranges.map(([first, last, [host, port]]) => ({
    first,
    last,
    // A server that does not know its own host name means the one used to connect to it.
    address: formatAddress({ hostname: host === null || host === '' || host === '?' ? asked.hostname : host, port }),
  }));
}
