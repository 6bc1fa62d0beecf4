// This process as one of those that share the partitions of a kind: which are its own, and when it has to let them go.

import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type BaseOptions, Consumer, type GroupPartitionsAssigner } from '@platformatic/kafka';
import type { PartitionName } from './held-tasks.ts';

export interface MembershipOptions {
  readonly client: BaseOptions;
  readonly group: string;
  /** All with the same number of partitions. */
  readonly topics: readonly string[];
  /** MUST resolve when nothing of the partitions is under way any more, at the latest after `lettingGoMs`: the others wait for it. */
  readonly letGo: () => Promise<void>;
  readonly own: (partitions: readonly PartitionName[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A member that says nothing for so long is taken for dead, and its partitions go to the others. */
const sessionMs = 10_000;
/** Of which a member that joins anew may spend this with what is under way: it says nothing meanwhile. */
export const lettingGoMs = 6_000;
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

  /** Joins, and joins again until it is closed. */
  start(): void {
    this.#joining = this.#join();
    this.#watch = this.#options.clock.every(watchEveryMs, () => void this.#look());
  }

  /** Whether the others can know by now that this process is alive: one that was paused for too long owns nothing any more. */
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
        // A member that joins is answered when all others have let go.
        requestTimeout: sessionMs + lettingGoMs,
        heartbeatInterval: heartbeatMs,
        partitionAssigner: sameNumberToOne,
        protocolsMetadata: async () => {
          await this.#letGo();
          return Buffer.alloc(0);
        },
      });
      this.#consumer = consumer;
      for (const topic of topics) consumer.topics.track(topic);
      consumer.on('consumer:group:join', () => this.#own(consumer));
      // Without a listener an error would end the process; what became of the membership is looked at every two seconds.
      consumer.on('error', (error: unknown) => log.warn('membership of workers failed', { group, error }));
      try {
        await consumer.joinGroup({});
        return;
      } catch (error) {
        log.warn('workers not joined, to be tried again', { group, error });
        await this.#leave();
        await sleep(clock, { delayMs: pauseMs, signal: this.#stop.signal });
      }
    }
  }

  async #look(): Promise<void> {
    if (this.#joining !== undefined && !this.#joinedAtMs) return;
    if (this.isFresh || this.#stop.signal.aborted) return;
    const { log, group } = this.#options;
    log.warn('membership of workers lost, to be joined anew', { group });
    this.#joinedAtMs = 0;
    await this.#letGo();
    await this.#leave();
    this.#joining = this.#join();
    await this.#joining;
  }

  #own(consumer: Consumer): void {
    if (consumer !== this.#consumer || this.#stop.signal.aborted) return;
    this.#joinedAtMs = this.#options.clock.nowMs();
    this.#options.own(
      (consumer.assignments ?? []).flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    );
  }

  async #letGo(): Promise<void> {
    const { letGo, log, group } = this.#options;
    // What is not settled by then is settled in vain: the next owner does it again.
    await letGo().catch((error: unknown) => log.warn('partitions let go in the middle of work', { group, error }));
  }

  async #leave(): Promise<void> {
    const { log, group } = this.#options;
    await this.#consumer
      ?.close()
      .catch((error: unknown) => log.warn('workers not told of the end of one', { group, error }));
    this.#consumer = undefined;
  }
}

/** A task waits, and is tried again, with the owner of its partition's number: so that tasks of one key meet. */
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
