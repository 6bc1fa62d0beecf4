// Shares the partitions of a topic among the processes of a group. Membership is Kafka's; where reading begins is for the owner of a
// partition to say, and no commit of the client decides anything.

import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { Consumer, type ConsumerGroupJoinPayload } from '@platformatic/kafka';
import { FetchLoop } from './fetch-loop.ts';
import { askFailure } from './kafka-failure.ts';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';
import { PartitionReader } from './partition-reader.ts';

export interface GroupConsumerOptions {
  readonly kafka: KafkaOptions;
  /** With the prefix. */
  readonly topic: string;
  /** Without the prefix. */
  readonly group: string;
  /**
   * Called for each partition that this process is given, and again, after a pause, when it ended or rejected while the partition is
   * still its own. It ends when the reader's signal is aborted; a new call for the same partition waits for that.
   */
  readonly own: (reader: PartitionReader) => Promise<void>;
  /** A member that is silent for so long loses its partitions. Brokers allow 6 s and more by default. */
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const heartbeatsPerSession = 10;
/** A process that still works on a partition has so long to notice that the group is shared out anew. */
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
  /** Raised whenever the group has confirmed that this process is a member. */
  #confirmations = 0;
  #onConfirmed: (() => void)[] = [];
  readonly #hints = new Map<number, number>();
  #committing: Timer | undefined;

  constructor(options: GroupConsumerOptions) {
    this.#options = options;
    const { kafka, topic, clock, log } = options;
    this.#fetching = new FetchLoop({ kafka, topic, clock, log, readers: () => this.#readers.values() });
  }

  /** Resolves when the group has let this process in. Later it comes back by itself. */
  async start(): Promise<void> {
    this.#committing = this.#options.clock.every(commitEveryMs, () => this.#commit());
    await this.#join();
  }

  /** The partitions that are owned now. */
  get partitions(): readonly number[] {
    return [...this.#owned.keys()].sort((a, b) => a - b);
  }

  /** The oldest offset kept and the end of the log. Rejects with StoreFailure. */
  range(partition: number): Promise<{ readonly first: number; readonly end: number }> {
    return this.#fetching.range(partition).catch((error: unknown) => {
      throw askFailure(error);
    });
  }

  /** What the group committed for the partition; undefined: nothing yet. Rejects with StoreFailure. */
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

  /** Tells Kafka how far the owner has come, soon and at most once a second; forgotten when the group is shared out anew. */
  hint(partition: number, offset: number): void {
    this.#hints.set(partition, offset);
  }

  /** Stops the owners, waits for their end, and leaves the group, so that others take over at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#committing?.cancel();
    await Promise.all([...this.#owned.keys()].map((partition) => this.#revoke(partition)));
    // Those that were taken away before.
    await Promise.all(this.#ending.values());
    await this.#commit();
    await this.#member
      ?.close(true)
      .catch((error: unknown) => this.#options.log.warn('the group was not left', { error }));
    await this.#fetching.close();
  }

  /** Until the group has let this process in, or the consumer closes. */
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
        log.warn('the group was not joined', { topic, error });
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
    // The library gives up after these; another client of the group takes its place.
    const lost = (why: string, error: unknown) => {
      log.warn('membership of the group is lost', { topic, why, error });
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
      .catch((error: unknown) => this.#options.log.warn('a client of Kafka did not close', { error }));
  }

  #onJoin(member: Consumer, { assignments = [] }: ConsumerGroupJoinPayload): void {
    if (member !== this.#member || this.#closing.signal.aborted) return;
    const { topic, log } = this.#options;
    const given = new Set(assignments.filter((each) => each.topic === topic).flatMap(({ partitions }) => partitions));
    log.info('partitions given', { topic, partitions: [...given].sort((a, b) => a - b) });
    this.#hints.clear();
    for (const partition of this.#owned.keys()) if (!given.has(partition)) void this.#revoke(partition);
    for (const partition of given) if (!this.#owned.has(partition)) this.#own(partition);
    this.#confirmed(member);
  }

  #confirmed(member: Consumer): void {
    if (member !== this.#member) return;
    this.#confirmations++;
    for (const resolve of this.#onConfirmed.splice(0)) resolve();
  }

  readonly #ending = new Map<number, Promise<void>>();

  #own(partition: number): void {
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
    const { own, clock, log, topic } = this.#options;
    while (!signal.aborted) {
      const reader = new PartitionReader(partition, signal, () => this.#fetching.askNow());
      this.#readers.set(partition, reader);
      try {
        await own(reader);
      } catch (error) {
        log.warn('a partition was given up, and is taken anew', { topic, partition, error });
      } finally {
        this.#readers.delete(partition);
      }
      await sleep(clock, { delayMs: pauseMs, signal });
      // Whoever was overtaken by a newer owner must not take the partition back on an old belief.
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

  /** It is skipped while the group is shared out: a commit that meets that makes the client join once more. */
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
      .catch((error: unknown) => log.debug('offsets not noted in Kafka', { topic, error }));
  }
}
