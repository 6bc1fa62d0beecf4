// Topics are spread over a fixed number of buckets. A bucket's channels have one hash tag, so they lie on one server and one command
// may subscribe to many of them; its server changes as a whole.

import type { Topic } from '../event-bus.ts';
import type { ShardConnection } from './shard-connection.ts';

/** The same in all processes of a cluster, always. */
export const bucketCount = 256;

export const bucketOf = (topic: string): number => Bun.hash.xxHash32(topic) % bucketCount;

/** No topic begins like these. */
export const lossesName = '!losses';
export const echoName = (busId: string): string => `!echo:${busId}`;

export const channelOf = (keyPrefix: string, bucket: number, name: string): string => `${keyPrefix}{${bucket}}${name}`;

/** Subscriptions that are announced together and come into force together. */
export interface Announcement {
  readonly inForce: PromiseWithResolvers<void>;
  readonly dueMs: number;
}

/** Of each publisher the newest generation is remembered; of more publishers those heard first are forgotten. */
const publishersMax = 128;

export class Bucket {
  readonly index: number;
  /** With a subscriber in this process. */
  readonly topics = new Set<Topic>();
  /** Undefined: no server is connected that serves the bucket. */
  connection: ShardConnection | undefined;
  /** All topics are subscribed at the server. */
  isInForce = false;
  /** Since then nothing arrives and nobody has been told. */
  deafSinceMs = 0;
  /** Topics that were followed when the connection was lost. Those that came later wait, and miss nothing. */
  missing = new Set<Topic>();
  /** Subscribed or not, as it was changed since the last command. */
  changes = new Map<Topic, boolean>();
  /** Of these changes. */
  announcement: Announcement | undefined;
  /** In force once all topics of the bucket are. */
  waiting: Announcement[] = [];
  /** Topics of which events were published in vain, until their subscribers are told; `all` when they were too many to name. */
  owed = new Set<Topic>();
  owesAll = false;
  readonly #generations = new Map<string, number>();
  #lastSource = '';

  constructor(index: number) {
    this.index = index;
  }

  owe(topic: Topic, topicsMax: number): void {
    if (this.owesAll) return;
    this.owed.add(topic);
    if (this.owed.size <= topicsMax) return;
    this.owesAll = true;
    this.owed = new Set();
  }

  isOwed(topic: Topic): boolean {
    return this.owesAll || this.owed.has(topic);
  }

  /**
   * Whether a message of this source, publisher.generation, may be delivered. A publisher has a new generation with each new
   * connection: what an older one left in the buffers of a server that was paused arrives late, and its loss was reported.
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
