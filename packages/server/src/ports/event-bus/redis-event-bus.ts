// The event bus between processes, on sharded publish/subscribe of Redis: one server or a Cluster.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { soon } from '@hongyan/base/soon';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import type { BusAttachment, BusEvent, BusListener, EventBus, Topic } from './event-bus.ts';
import { MemoryEventBus } from './memory-event-bus.ts';
import { type Announcement, type Bucket, bucketOf, lossesName } from './redis/bucket.ts';
import { decodeEvents } from './redis/message.ts';
import { Publications } from './redis/publications.ts';
import { Shards } from './redis/shards.ts';

export interface RedisEventBusOptions {
  readonly client: RedisClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Identifies this process; new at each start. */
  readonly busId: string;
  readonly limits?: Partial<RedisBusLimits>;
}

export interface RedisBusLimits {
  readonly echoEveryMs: number;
  /** A connection that has missed this many echoes is replaced, and possible losses are reported. */
  readonly echoesMissedMax: number;
  /** A subscription that is not in force within this time fails. */
  readonly subscribeTimeoutMs: number;
  /** While a server is unreachable, its topics are reported as lost at this interval. */
  readonly lossReportMs: number;
  /** Characters published and not accepted yet; further events fail as overloaded, and are reported as lost. */
  readonly waitingCharactersMax: number;
  /** Lost topics of a bucket that are reported by name; with more, the whole bucket is reported. */
  readonly lostTopicsMax: number;
}

const defaults: RedisBusLimits = {
  echoEveryMs: 500,
  echoesMissedMax: 4,
  subscribeTimeoutMs: 5_000,
  lossReportMs: 10_000,
  waitingCharactersMax: 64 * 1024 * 1024,
  lostTopicsMax: 1_000,
};

const checkEveryMs = 100;

/** Subscribes at the servers to topics with subscribers in this process, and delivers through a MemoryEventBus. */
export class RedisEventBus implements EventBus {
  readonly #options: RedisEventBusOptions;
  readonly #limits: RedisBusLimits;
  readonly #local: MemoryEventBus;
  readonly #publications: Publications;
  readonly #shards: Shards;
  readonly #timer: Timer;
  /** Buckets with subscription changes that are not sent yet. */
  #changed = new Set<Bucket>();
  /** Reported together at the end of this turn of the event loop. */
  #lost = new Set<Topic>();

  /** Resolves when every bucket has a server; rejects with StoreFailure after `subscribeTimeoutMs`. */
  static async open(options: RedisEventBusOptions): Promise<RedisEventBus> {
    const limits = { ...defaults, ...options.limits };
    const { promise: isConnected, resolve } = Promise.withResolvers<void>();
    // The shards start to connect before the bus exists. They receive nothing before it has subscribers.
    let bus: RedisEventBus | undefined;
    const shards = await Shards.open({
      ...options,
      ...limits,
      onMessage(channel, text) {
        if (bus !== undefined) bus.#onMessage(channel, text);
      },
      onInForce(buckets) {
        if (bus !== undefined) bus.#onInForce(buckets);
        if (shards.buckets.every(({ isInForce }) => isInForce)) resolve();
      },
    });
    bus = new RedisEventBus(options, limits, shards);
    const timeout = options.clock.after(limits.subscribeTimeoutMs, resolve);
    await isConnected;
    timeout.cancel();
    if (bus.problem === undefined) return bus;
    const { problem } = bus;
    bus.close();
    throw new StoreFailure('unavailable', problem, { cause: shards.lastError });
  }

  private constructor(options: RedisEventBusOptions, limits: RedisBusLimits, shards: Shards) {
    this.#options = options;
    this.#limits = limits;
    this.#shards = shards;
    this.#local = new MemoryEventBus({
      onFirst: (topic) => this.#follow(topic),
      onLast: (topic) => this.#unfollow(topic),
    });
    this.#publications = new Publications({ ...limits, shards });
    this.#timer = options.clock.every(checkEveryMs, () => this.#check());
  }

  publish(events: readonly BusEvent[]): Promise<void> {
    return this.#publications.publish(events);
  }

  attach(listener: BusListener): BusAttachment {
    return this.#local.attach(listener);
  }

  /** A description of the present problem, for operators. */
  get problem(): string | undefined {
    const { buckets, lastError } = this.#shards;
    const disconnected = buckets.filter(({ isInForce }) => !isInForce).length;
    if (disconnected === 0) return undefined;
    const why = lastError instanceof Error ? `: ${lastError.message}` : '';
    return `${disconnected} of ${buckets.length} parts of the event bus have no server${why}`;
  }

  /** Characters published and not accepted yet. */
  get waitingCharacters(): number {
    return this.#publications.waitingCharacters;
  }

  get waitingCharactersMax(): number {
    return this.#limits.waitingCharactersMax;
  }

  /** Resolves when all events accepted so far have arrived, and earlier calls of `unsubscribe` have taken effect. */
  async settle(): Promise<void> {
    this.#announce();
    await Promise.all(this.#shards.connections.map((connection) => connection.echo()));
  }

  close(): void {
    this.#timer.cancel();
    this.#shards.close();
    const closed = new StoreFailure('unavailable', 'the event bus is closed');
    for (const bucket of this.#shards.buckets)
      for (const { inForce } of bucket.waiting.splice(0)) inForce.reject(closed);
  }

  #follow(topic: Topic): Promise<void> {
    const bucket = this.#bucketOf(topic);
    bucket.topics.add(topic);
    this.#change(bucket, topic, true);
    bucket.announcement ??= {
      inForce: Promise.withResolvers(),
      dueMs: this.#options.clock.monotonicMs() + this.#limits.subscribeTimeoutMs,
    };
    return bucket.announcement.inForce.promise;
  }

  #unfollow(topic: Topic): void {
    const bucket = this.#bucketOf(topic);
    bucket.topics.delete(topic);
    bucket.missing.delete(topic);
    this.#change(bucket, topic, false);
  }

  #change(bucket: Bucket, topic: Topic, isWanted: boolean): void {
    bucket.changes.set(topic, isWanted);
    this.#changed.add(bucket);
    if (this.#changed.size === 1) soon(() => this.#announce());
  }

  /** Sends the changes of this turn of the event loop: per bucket one command to subscribe and one to unsubscribe. */
  #announce(): void {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const bucket of changed) {
      const { connection, changes, announcement } = bucket;
      bucket.changes = new Map();
      bucket.announcement = undefined;
      // Without a connection nothing is sent. The next connection subscribes to all topics of the bucket.
      if (connection === undefined) {
        if (announcement !== undefined) bucket.waiting.push(announcement);
        continue;
      }
      const channelsOf = (wanted: boolean) =>
        [...changes].flatMap(([topic, isWanted]) => (isWanted === wanted ? [this.#shards.channel(bucket, topic)] : []));
      connection.unsubscribe(channelsOf(false));
      const subscribed = connection.subscribe(channelsOf(true));
      if (announcement === undefined) subscribed.catch(() => undefined);
      else subscribed.then(announcement.inForce.resolve, () => this.#wait(bucket, announcement));
    }
  }

  /** The connection was lost. The next one subscribes to all topics of the bucket, and may have done so already. */
  #wait(bucket: Bucket, announcement: Announcement): void {
    if (bucket.isInForce) announcement.inForce.resolve();
    else bucket.waiting.push(announcement);
  }

  #onMessage(channel: string, text: string): void {
    const { keyPrefix } = this.#options.client.options;
    const tagEnd = channel.indexOf('}', keyPrefix.length);
    const bucket = this.#shards.buckets[Number(channel.slice(keyPrefix.length + 1, tagEnd))];
    const name = channel.slice(tagEnd + 1);
    if (bucket === undefined) return;
    if (name === lossesName) return this.#onLosses(bucket, text);
    // Events after a loss that is not reported yet are dropped: subscribers would see a gap. The report covers them too.
    if (bucket.missing.has(name as Topic) || this.#lost.has(name as Topic)) return;
    const sourceEnd = text.indexOf(' ');
    if (bucket.isCurrent(text.slice(0, sourceEnd))) this.#deliver(name as Topic, text.slice(sourceEnd + 1));
  }

  #deliver(topic: Topic, text: string): void {
    const { log } = this.#options;
    try {
      const events = decodeEvents(topic, text);
      this.#local.publish(events).catch((error: unknown) => log.error('event not handled', { error }));
    } catch (error) {
      log.error('invalid message on the event bus: its topic is reported as lost', { topic, error });
      this.#reportLater([topic]);
    }
  }

  /** Losses reported by a publisher: topics as JSON, or `null` for the whole bucket. */
  #onLosses(bucket: Bucket, text: string): void {
    const topics = JSON.parse(text) as readonly Topic[] | null;
    this.#reportLater(topics === null ? bucket.topics : topics.filter((topic) => bucket.topics.has(topic)));
  }

  /** Reports events that may have been published between the end of one connection and the subscriptions of the next one. */
  #onInForce(buckets: readonly Bucket[]): void {
    for (const bucket of buckets) {
      this.#reportLater(bucket.missing);
      bucket.missing = new Set();
    }
    this.#publications.reportPending();
  }

  /** Combines losses into one report: for each report a listener iterates over all its sessions. */
  #reportLater(topics: Iterable<Topic>): void {
    const isFirst = this.#lost.size === 0;
    for (const topic of topics) this.#lost.add(topic);
    if (!isFirst || this.#lost.size === 0) return;
    soon(() => {
      const lost = [...this.#lost];
      this.#lost = new Set();
      this.#local.reportLoss(lost);
    });
  }

  #check(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const bucket of this.#shards.buckets) {
      if (bucket.isInForce) continue;
      const overdue = bucket.waiting.filter(({ dueMs }) => dueMs <= nowMs);
      if (overdue.length > 0) bucket.waiting = bucket.waiting.filter(({ dueMs }) => dueMs > nowMs);
      for (const { inForce } of overdue)
        inForce.reject(new StoreFailure('unavailable', 'a server of the event bus is not reachable'));
      if (nowMs - bucket.disconnectedSinceMs < this.#limits.lossReportMs) continue;
      bucket.disconnectedSinceMs = nowMs;
      this.#reportLater(bucket.missing);
    }
    this.#publications.reportPending();
  }

  #bucketOf(topic: Topic): Bucket {
    return this.#shards.buckets[bucketOf(topic)] as Bucket;
  }
}
