// Topics are hashed into a fixed number of buckets. The channels of a bucket share a hash tag: they are on one server, one command can
// subscribe to many of them, and they move to another server together.

import type { Topic } from '../event-bus.ts';
import type { ShardConnection } from './shard-connection.ts';

/** Must be the same in all processes and versions of a cluster. */
export const bucketCount = 256;

export const bucketOf = (topic: string): number => Bun.hash.xxHash32(topic) % bucketCount;

/** Channels of the bus itself. No topic starts with "!". */
export const lossesName = '!losses';
export const echoName = (busId: string): string => `!echo:${busId}`;

export const channelOf = (keyPrefix: string, bucket: number, name: string): string => `${keyPrefix}{${bucket}}${name}`;

/** Subscriptions that are sent together and come into force together. */
export interface Announcement {
  readonly inForce: PromiseWithResolvers<void>;
  readonly dueMs: number;
}

/** Publishers whose newest generation is remembered; the oldest are evicted. */
const publishersMax = 128;

export class Bucket {
  readonly index: number;
  /** Topics with a subscriber in this process. */
  readonly topics = new Set<Topic>();
  /** undefined: no connection to the server of the bucket. */
  connection: ShardConnection | undefined;
  /** Whether all topics are subscribed at the server. */
  isInForce = false;
  /** When the connection was lost, or when its topics were last reported as lost. */
  disconnectedSinceMs = 0;
  /** Topics that were subscribed when the connection was lost. Later subscriptions wait for the next connection and miss nothing. */
  missing = new Set<Topic>();
  /** Topics subscribed (true) or unsubscribed (false) since the last command. */
  changes = new Map<Topic, boolean>();
  /** Settled when these changes are in force. */
  announcement: Announcement | undefined;
  /** Settled when all topics of the bucket are in force. */
  waiting: Announcement[] = [];
  /** Topics with a pending loss report. `hasLostAll` replaces the set if there are too many. */
  lost = new Set<Topic>();
  hasLostAll = false;
  readonly #generations = new Map<string, number>();
  #lastSource = '';

  constructor(index: number) {
    this.index = index;
  }

  noteLoss(topic: Topic, topicsMax: number): void {
    if (this.hasLostAll) return;
    this.lost.add(topic);
    if (this.lost.size <= topicsMax) return;
    this.hasLostAll = true;
    this.lost = new Set();
  }

  hasLost(topic: Topic): boolean {
    return this.hasLostAll || this.lost.has(topic);
  }

  /**
   * Whether a message of this source, `publisher.generation`, may be delivered. Each new connection of a publisher starts a new
   * generation. Messages of older generations may be left in the buffers of a paused server; their loss was reported already.
   */
  isCurrent(source: string): boolean {
    if (source === this.#lastSource) return true;
    const dot = source.lastIndexOf('.');
    const publisher = source.slice(0, dot);
    const generation = Number(source.slice(dot + 1));
    const newest = this.#generations.get(publisher);
    if (newest !== undefined && generation < newest) return false;
    this.#lastSource = source;
    if (newest === generation) return true;
    this.#generations.delete(publisher);
    this.#generations.set(publisher, generation);
    const [oldest] = this.#generations.keys();
    if (this.#generations.size > publishersMax && oldest !== undefined) this.#generations.delete(oldest);
    return true;
  }
}
