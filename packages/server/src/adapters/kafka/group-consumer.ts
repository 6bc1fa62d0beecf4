// Shares the partitions of a topic among the processes of a consumer group. Kafka decides the membership. The owner of a partition decides
// where reading begins; commits of the group are only hints.

import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { Consumer, type ConsumerGroupJoinPayload } from '@platformatic/kafka';
import { FetchLoop } from './fetch-loop.ts';
import { askFailure } from './kafka-failure.ts';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';
import { PartitionReader } from './partition-reader.ts';

export interface GroupConsumerOptions {
  readonly kafka: KafkaOptions;
  /** Includes the prefix. */
  readonly topic: string;
  /** Excludes the prefix. */
  readonly group: string;
  /**
   * Processes a partition until the reader's signal aborts. Called for each partition that the group assigns to this process. When it ends
   * or rejects earlier, it is called again after a pause. A new call for a partition waits until the previous one has ended.
   */
  readonly runPartition: (reader: PartitionReader) => Promise<void>;
  /** A member that sends no heartbeat for this time loses its partitions. By default brokers accept 6 s and more. */
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const heartbeatsPerSession = 10;
/** The time that members have to rejoin when the group rebalances. */
const rebalanceTimeoutMs = 10_000;
const pauseMs = 200;
const rejoinPauseMs = 500;
const commitEveryMs = 1_000;

interface Owned {
  readonly stop: AbortController;
  ended: Promise<void>;
}

export class GroupConsumer {
  readonly #options: GroupConsumerOptions;
  readonly #fetching: FetchLoop;
  readonly #readers = new Map<number, PartitionReader>();
  readonly #owned = new Map<number, Owned>();
  readonly #closing = new AbortController();
  #member: Consumer | undefined;
  /** Incremented whenever the group confirms the membership of this process. */
  #confirmations = 0;
  #onConfirmed: (() => void)[] = [];
  readonly #hints = new Map<number, number>();
  #committing: Timer | undefined;

  constructor(options: GroupConsumerOptions) {
    this.#options = options;
    const { kafka, topic, clock, log } = options;
    this.#fetching = new FetchLoop({ kafka, topic, clock, log, readers: () => this.#readers.values() });
  }

  /** Resolves when this process has joined the group. Later it rejoins by itself. */
  async start(): Promise<void> {
    this.#committing = this.#options.clock.every(commitEveryMs, () => this.#commit());
    await this.#join();
  }

  /** The partitions that this process owns now. */
  get partitions(): readonly number[] {
    return [...this.#owned.keys()].sort((a, b) => a - b);
  }

  /** The oldest retained offset and the end of the log. Rejects with StoreFailure. */
  range(partition: number): Promise<{ readonly first: number; readonly end: number }> {
    return this.#fetching.range(partition).catch((error: unknown) => {
      throw askFailure(error);
    });
  }

  /** The committed offset of the group; undefined before the first commit. Rejects with StoreFailure. */
  async committed(partition: number): Promise<number | undefined> {
    const { topic } = this.#options;
    try {
      const offsets = await this.#member?.listCommittedOffsets({ topics: [{ topic, partitions: [partition] }] });
      const offset = offsets?.get(topic)?.[partition];
      return offset === undefined || offset < 0n ? undefined : Number(offset);
    } catch (error) {
      throw askFailure(error);
    }
  }

  /** Commits the owner's offset, at most once a second. Hints that are not committed yet are dropped when the group rebalances. */
  hint(partition: number, offset: number): void {
    this.#hints.set(partition, offset);
  }

  /** Stops all partitions, waits for their end, and leaves the group, so that other members take over at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#committing?.cancel();
    await Promise.all([...this.#owned.keys()].map((partition) => this.#revoke(partition)));
    // Partitions that were revoked before and have not ended yet.
    await Promise.all(this.#ending.values());
    await this.#commit();
    await this.#member
      ?.close(true)
      .catch((error: unknown) => this.#options.log.warn('failed to leave the consumer group', { error }));
    await this.#fetching.close();
  }

  /** Retries until this process has joined the group or the consumer closes. */
  async #join(): Promise<void> {
    const { clock, log, topic } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const member = this.#newMember();
      this.#member = member;
      try {
        await member.joinGroup({});
        return;
      } catch (error) {
        log.warn('failed to join the consumer group', { topic, error });
        await this.#drop(member);
        await sleep(clock, { delayMs: rejoinPauseMs, signal });
      }
    }
  }

  #newMember(): Consumer {
    const { kafka, topic, group, sessionTimeoutMs, log } = this.#options;
    const member = new Consumer({
      ...clientOptions(kafka),
      groupId: `${kafka.prefix}${group}`,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.round(sessionTimeoutMs / heartbeatsPerSession),
      rebalanceTimeout: rebalanceTimeoutMs,
    });
    member.topics.track(topic);
    member.on('consumer:group:join', (joined) => this.#onJoin(member, joined));
    member.on('consumer:heartbeat:end', () => this.#confirmed(member));
    // The library does not recover from these, so a new client takes its place.
    const lost = (why: string, error: unknown) => {
      log.warn('consumer group membership lost', { topic, why, error });
      void this.#replace(member);
    };
    member.on('error', (error) => lost('rejoin failed', error));
    member.on('consumer:heartbeat:stalled', ({ lastError }) => lost('no heartbeat', lastError));
    return member;
  }

  async #replace(member: Consumer): Promise<void> {
    if (member !== this.#member || this.#closing.signal.aborted) return;
    this.#member = undefined;
    await this.#drop(member);
    await this.#join();
  }

  async #drop(member: Consumer): Promise<void> {
    await member
      .close(true)
      .catch((error: unknown) => this.#options.log.warn('failed to close a Kafka client', { error }));
  }

  #onJoin(member: Consumer, { assignments = [] }: ConsumerGroupJoinPayload): void {
    if (member !== this.#member || this.#closing.signal.aborted) return;
    const { topic, log } = this.#options;
    const assigned = new Set(
      assignments.filter((each) => each.topic === topic).flatMap(({ partitions }) => partitions),
    );
    log.info('partitions assigned', { topic, partitions: [...assigned].sort((a, b) => a - b) });
    this.#hints.clear();
    for (const partition of this.#owned.keys()) if (!assigned.has(partition)) void this.#revoke(partition);
    for (const partition of assigned) if (!this.#owned.has(partition)) this.#assign(partition);
    this.#confirmed(member);
  }

  #confirmed(member: Consumer): void {
    if (member !== this.#member) return;
    this.#confirmations++;
    for (const resolve of this.#onConfirmed.splice(0)) resolve();
  }

  readonly #ending = new Map<number, Promise<void>>();

  #assign(partition: number): void {
    const stop = new AbortController();
    const before = this.#ending.get(partition) ?? Promise.resolve();
    this.#owned.set(partition, { stop, ended: before.then(() => this.#run(partition, stop.signal)) });
  }

  async #revoke(partition: number): Promise<void> {
    const owned = this.#owned.get(partition);
    if (owned === undefined) return;
    this.#owned.delete(partition);
    owned.stop.abort();
    this.#ending.set(partition, owned.ended);
    await owned.ended;
    if (this.#ending.get(partition) === owned.ended) this.#ending.delete(partition);
  }

  async #run(partition: number, signal: AbortSignal): Promise<void> {
    const { runPartition, clock, log, topic } = this.#options;
    while (!signal.aborted) {
      const reader = new PartitionReader(partition, signal, () => this.#fetching.fetchSoon());
      this.#readers.set(partition, reader);
      try {
        await runPartition(reader);
      } catch (error) {
        log.warn('partition failed, restarting it', { topic, partition, error });
      } finally {
        this.#readers.delete(partition);
      }
      await sleep(clock, { delayMs: pauseMs, signal });
      // A process that was fenced by a newer owner must not claim the partition again before the group has confirmed its membership.
      await this.#confirmationAfter(this.#confirmations, signal);
    }
  }

  async #confirmationAfter(seen: number, signal: AbortSignal): Promise<void> {
    while (this.#confirmations === seen && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#onConfirmed.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
  }

  /** Skipped during a rebalance, because a commit would then make the client join again. */
  async #commit(): Promise<void> {
    const { topic, log } = this.#options;
    if (this.#hints.size === 0 || !this.#member?.isActive()) return;
    const offsets = Array.from(this.#hints, ([partition, offset]) => ({
      topic,
      partition,
      offset: BigInt(offset),
      leaderEpoch: -1,
    }));
    this.#hints.clear();
    await this.#member
      .commit({ offsets })
      .catch((error: unknown) => log.debug('failed to commit offsets to Kafka', { topic, error }));
  }
}
