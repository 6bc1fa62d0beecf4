// Stores the marks of each partition as the offsets of two consumer groups without members. Commits of the group that shares the partitions
// would be rejected during a rebalance, or would make the client join again.

import { Batcher } from '@hongyan/base/batcher';
import type { Admin } from '@platformatic/kafka';
import { askFailure } from '../../../adapters/kafka/kafka-failure.ts';
import type { Marks, PartitionName } from './held-tasks.ts';
import type { TaskTopics } from './task-topics.ts';

type Change = PartitionName & Partial<Marks>;

/** The maximum number of waiting changes. Further ones reject with `overloaded`. */
const changesMax = 100_000;
const batchMax = 10_000;

export class PartitionMarks {
  readonly #admin: Admin;
  readonly #topics: TaskTopics;
  readonly #batcher: Batcher<Change, undefined>;

  constructor(admin: Admin, topics: TaskTopics) {
    this.#admin = admin;
    this.#topics = topics;
    // One request at a time, so that an older mark never overwrites a newer one.
    this.#batcher = new Batcher({
      itemsMax: changesMax,
      batchMax,
      inFlightMax: 1,
      handle: async (changes) => {
        await this.#commit(changes);
        return changes.map(() => undefined);
      },
    });
  }

  /** Resolves when the marks are durable. */
  async write(changes: readonly Change[]): Promise<void> {
    await this.#batcher.submitAll(changes);
  }

  /** Both marks of a partition without stored marks are the offset of its first record. */
  async read(topics: readonly string[]): Promise<ReadonlyMap<string, Marks>> {
    const { done, claimed } = this.#topics.marks;
    const partitions = Array.from({ length: this.#topics.partitionCount }, (_, partition) => partition);
    try {
      const [first, groups] = await Promise.all([
        this.#admin.listOffsets({
          topics: topics.map((name) => ({
            name,
            partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp: -2n })),
          })),
        }),
        this.#admin.listConsumerGroupOffsets({
          groups: [done, claimed].map((groupId) => ({
            groupId,
            topics: topics.map((name) => ({ name, partitionIndexes: partitions })),
          })),
        }),
      ]);
      const offsets = new Map(groups.map(({ groupId, topics }) => [groupId, byPartition(topics)]));
      const marks = new Map<string, Marks>();
      for (const { name, partitions } of first)
        for (const { partitionIndex, offset } of partitions) {
          const key = partitionKey({ topic: name, partition: partitionIndex });
          const doneMark = Math.max(Number(offset), offsets.get(done)?.get(key) ?? 0);
          marks.set(key, { done: doneMark, claimed: Math.max(doneMark, offsets.get(claimed)?.get(key) ?? 0) });
        }
      return marks;
    } catch (error) {
      throw askFailure(error);
    }
  }

  drain(): Promise<void> {
    return this.#batcher.drain();
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    const { done, claimed } = this.#topics.marks;
    try {
      await Promise.all([
        this.#alter(done, changes, ({ done }) => done),
        this.#alter(claimed, changes, ({ claimed }) => claimed),
      ]);
    } catch (error) {
      throw askFailure(error);
    }
  }

  async #alter(groupId: string, changes: readonly Change[], of: (change: Change) => number | undefined) {
    const last = new Map<string, Map<number, bigint>>();
    for (const change of changes) {
      const mark = of(change);
      if (mark === undefined) continue;
      const partitions = last.get(change.topic) ?? new Map<number, bigint>();
      last.set(change.topic, partitions.set(change.partition, BigInt(mark)));
    }
    if (last.size === 0) return;
    const topics = Array.from(last, ([name, partitions]) => ({
      name,
      partitionOffsets: Array.from(partitions, ([partition, offset]) => ({ partition, offset })),
    }));
    await this.#admin.alterConsumerGroupOffsets({ groupId, topics });
  }
}

export const partitionKey = ({ topic, partition }: PartitionName): string => `${topic}:${partition}`;

function byPartition(
  topics: readonly {
    readonly name: string;
    readonly partitions: readonly { readonly partitionIndex: number; readonly committedOffset: bigint }[];
  }[],
): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  for (const { name, partitions } of topics)
    for (const { partitionIndex, committedOffset } of partitions)
      offsets.set(partitionKey({ topic: name, partition: partitionIndex }), Number(committedOffset));
  return offsets;
}
