// The membership of this process in the consumer group of a kind: which partitions it owns, and when it must release them.

import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type BaseOptions, Consumer, type GroupPartitionsAssigner } from '@platformatic/kafka';
import type { PartitionName } from './held-tasks.ts';

export interface MembershipOptions {
  readonly client: BaseOptions;
  readonly group: string;
  /** All topics have the same number of partitions. */
  readonly topics: readonly string[];
  /**
   * Releases the partitions. MUST resolve when no task of them is in flight, at the latest after `releaseMaxMs`, because the other members
   * wait for it.
   */
  readonly release: () => Promise<void>;
  readonly onAssigned: (partitions: readonly PartitionName[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A member that sends no heartbeat for this time loses its partitions. */
const sessionMs = 10_000;
/** The part of the session in which a rejoining member may finish its tasks, without heartbeats. */
export const releaseMaxMs = 6_000;
const heartbeatMs = 1_000;
const watchEveryMs = 2_000;
const pauseMs = 1_000;

export class Membership {
  readonly #options: MembershipOptions;
  readonly #stop = new AbortController();
  #consumer: Consumer | undefined;
  #joinedAtMs = 0;
  #watch: Timer | undefined;
  #joining: Promise<void> | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Joins the group, and rejoins until it is closed. */
  start(): void {
    this.#joining = this.#join();
    this.#watch = this.#options.clock.every(watchEveryMs, () => void this.#look());
  }

  /** Whether the membership was confirmed recently. A process that was paused for too long owns nothing any more. */
  get isFresh(): boolean {
    const heardMs = Math.max(this.#consumer?.lastHeartbeat?.getTime() ?? 0, this.#joinedAtMs);
    return this.#options.clock.nowMs() - heardMs < sessionMs;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#watch?.cancel();
    await this.#joining;
    await this.#leave();
  }

  async #join(): Promise<void> {
    const { client, group, topics, clock, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      const consumer = new Consumer({
        ...client,
        groupId: group,
        sessionTimeout: sessionMs,
        rebalanceTimeout: sessionMs,
        // A join is answered when all other members have released their partitions.
        requestTimeout: sessionMs + releaseMaxMs,
        heartbeatInterval: heartbeatMs,
        partitionAssigner: sameNumberToOne,
        protocolsMetadata: async () => {
          await this.#release();
          return Buffer.alloc(0);
        },
      });
      this.#consumer = consumer;
      for (const topic of topics) consumer.topics.track(topic);
      consumer.on('consumer:group:join', () => this.#assigned(consumer));
      // Without a listener an error would end the process. The membership is checked every two seconds.
      consumer.on('error', (error: unknown) => log.warn('consumer group membership failed', { group, error }));
      try {
        await consumer.joinGroup({});
        return;
      } catch (error) {
        log.warn('failed to join the consumer group, retrying', { group, error });
        await this.#leave();
        await sleep(clock, { delayMs: pauseMs, signal: this.#stop.signal });
      }
    }
  }

  async #look(): Promise<void> {
    if (this.#joining !== undefined && !this.#joinedAtMs) return;
    if (this.isFresh || this.#stop.signal.aborted) return;
    const { log, group } = this.#options;
    log.warn('consumer group membership lost, rejoining', { group });
    this.#joinedAtMs = 0;
    await this.#release();
    await this.#leave();
    this.#joining = this.#join();
    await this.#joining;
  }

  #assigned(consumer: Consumer): void {
    if (consumer !== this.#consumer || this.#stop.signal.aborted) return;
    this.#joinedAtMs = this.#options.clock.nowMs();
    this.#options.onAssigned(
      (consumer.assignments ?? []).flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    );
  }

  async #release(): Promise<void> {
    const { release, log, group } = this.#options;
    // Later settlements have no effect: the next owner executes the task again.
    await release().catch((error: unknown) => log.warn('partitions released with tasks in flight', { group, error }));
  }

  async #leave(): Promise<void> {
    const { log, group } = this.#options;
    await this.#consumer
      ?.close()
      .catch((error: unknown) => log.warn('failed to leave the consumer group', { group, error }));
    this.#consumer = undefined;
  }
}

/**
 * Assigns the same partition number of all topics to one member, so that delayed and retried tasks stay with one owner, and tasks of one
 * key meet.
 */
const sameNumberToOne: GroupPartitionsAssigner = (_, members, topics, metadata) => {
  const memberIds = [...members.keys()].sort();
  return memberIds.map((memberId, place) => ({
    memberId,
    assignments: new Map(
      Array.from(topics, (topic) => {
        const count = metadata.topics.get(topic)?.partitionsCount ?? 0;
        const all = Array.from({ length: count }, (_, partition) => partition);
        return [topic, { topic, partitions: all.filter((partition) => partition % memberIds.length === place) }];
      }),
    ),
  }));
};
