// Estimates the backlog: the tasks in Kafka that are not done, as of the last query, and those that this process has added since.

import type { Clock } from '@hongyan/base/clock';
import type { Admin } from '@platformatic/kafka';
import { askFailure } from '../../../adapters/kafka/kafka-failure.ts';
import type { KindCounts } from '../task-queue.ts';
import { type PartitionMarks, partitionKey } from './marks.ts';
import type { Sent } from './task-sender.ts';
import type { TaskTopics } from './task-topics.ts';

export interface BacklogBounds {
  /** The maximum number of waiting and claimed tasks of all kinds. */
  readonly tasksMax: number;
  /** The maximum size of the payloads that this process has added, in bytes. */
  readonly payloadMax: number;
}

export interface BacklogOptions {
  readonly admin: Admin;
  readonly topics: TaskTopics;
  readonly marks: PartitionMarks;
  readonly bounds: BacklogBounds;
  readonly clock: Clock;
}

/** The age at which the backlog is queried again. The bound may be exceeded by what other processes add meanwhile. */
const freshMs = 500;
/** The pause before an add without room queries again. */
const retryMs = 100;

interface Added {
  readonly sent: readonly Sent[];
  readonly count: number;
  readonly bytes: number;
}

export class Backlog {
  readonly #options: BacklogOptions;
  #waiting = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<readonly Omit<KindCounts, 'dead'>[]> | undefined;
  /** The number of tasks that this process added since the last query. */
  #addedCount = 0;
  /** The tasks that this process added and that are not known to be done. */
  #added: Added[] = [];
  #addedBytes = 0;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** Whether so many more tasks and bytes fit. */
  async hasRoom(count: number, bytes: number): Promise<boolean> {
    if (this.#ageMs > freshMs) await this.look();
    if (this.#fits(count, bytes)) return true;
    if (this.#ageMs < retryMs) return false;
    await this.look();
    return this.#fits(count, bytes);
  }

  /** Called before tasks are sent, so that concurrent adds see each other. `sent` follows. */
  reserve(count: number, bytes: number): void {
    this.#addedCount += count;
    this.#addedBytes += bytes;
  }

  sent(added: Added): void {
    this.#added.push(added);
  }

  failed({ count, bytes }: Omit<Added, 'sent'>): void {
    this.#addedCount -= count;
    this.#addedBytes -= bytes;
  }

  look(): Promise<readonly Omit<KindCounts, 'dead'>[]> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  get #ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#lookedAtMs;
  }

  #fits(count: number, bytes: number): boolean {
    const { tasksMax, payloadMax } = this.#options.bounds;
    return this.#waiting + this.#addedCount + count <= tasksMax && this.#addedBytes + bytes <= payloadMax;
  }

  async #look(): Promise<readonly Omit<KindCounts, 'dead'>[]> {
    const { topics, marks, clock } = this.#options;
    const names = topics.kinds.flatMap((kind) => topics.ofKind(kind));
    const addedBefore = this.#addedCount;
    const [known, ends] = await Promise.all([marks.read(names), this.#ends(names)]);
    const counts = topics.kinds.map((kind) => {
      const sum = { kind, ready: 0, delayed: 0, claimed: 0 };
      for (const [place, topic] of topics.ofKind(kind).entries())
        for (const [partition, end] of ends.get(topic) ?? []) {
          const { done, claimed } = known.get(partitionKey({ topic, partition })) ?? { done: 0, claimed: 0 };
          const handedOut = Math.min(Math.max(done, claimed), end);
          sum.claimed += Math.max(0, handedOut - done);
          sum[place === 0 ? 'ready' : 'delayed'] += Math.max(0, end - handedOut);
        }
      return sum;
    });
    this.#waiting = counts.reduce((all, { ready, delayed, claimed }) => all + ready + delayed + claimed, 0);
    this.#addedCount -= addedBefore;
    this.#lookedAtMs = clock.monotonicMs();
    this.#forgetDone((sent) => (known.get(partitionKey(sent))?.done ?? 0) > sent.offset);
    return counts;
  }

  #forgetDone(isDone: (sent: Sent) => boolean): void {
    this.#added = this.#added.filter(({ sent, bytes }) => {
      const isOver = sent.every(isDone);
      if (isOver) this.#addedBytes -= bytes;
      return !isOver;
    });
  }

  async #ends(names: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
    const { admin, topics } = this.#options;
    const partitions = Array.from({ length: topics.partitionCount }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp: -1n,
    }));
    try {
      const ends = await admin.listOffsets({ topics: names.map((name) => ({ name, partitions })) });
      return new Map(
        ends.map(({ name, partitions }) => [
          name,
          new Map(partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)])),
        ]),
      );
    } catch (error) {
      throw askFailure(error);
    }
  }
}
