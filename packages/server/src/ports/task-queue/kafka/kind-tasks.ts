// The tasks of one kind in one process: its partitions, the tasks that it has read from them, and the claims in flight.

import { type Clock, systemClock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { BaseOptions } from '@platformatic/kafka';
import type { Claim, ClaimedTask, Settlement, TaskConsumer } from '../task-queue.ts';
import { type FetchedPartition, Fetcher } from './fetcher.ts';
import { HeldPartition, type HeldTask, HeldTasks, type Marks, type PartitionName, toClaimed } from './held-tasks.ts';
import { type PartitionMarks, partitionKey } from './marks.ts';
import { Membership, releaseMaxMs } from './membership.ts';
import { decodeTask, type TaskRecord } from './task-record.ts';
import type { TaskTopics } from './task-topics.ts';

/** The destinations of tasks that leave this process. */
export interface TaskOutcomes {
  /** Durable when it resolves. */
  retry(tasks: readonly TaskRecord[], delayMs: number): Promise<void>;
  addDeadLetter(task: TaskRecord, error: string): Promise<void>;
  /** Whether a dead letter has the same kind and key. */
  isDead(task: TaskRecord): Promise<boolean>;
}

export interface KindTasksOptions {
  readonly kind: string;
  readonly client: BaseOptions;
  readonly topics: TaskTopics;
  readonly marks: PartitionMarks;
  readonly outcomes: TaskOutcomes;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when tasks may be ready. */
  readonly onChange: () => void;
}

/** The maximum of tasks per topic that are read but not done. At the bound reading pauses. */
const heldMax = { count: 4_000, bytes: 48 * 1024 * 1024 } as const;
/** The delay before a task that a previous owner left is retried. */
const leftDelayMs = 1_000;
const lookEveryMs = 20;

export class KindTasks {
  readonly #options: KindTasksOptions;
  readonly #membership: Membership;
  readonly #fetcher: Fetcher;
  #held = new HeldTasks([]);
  /** No task is handed out any more. */
  #isReleasing = false;

  constructor(options: KindTasksOptions) {
    this.#options = options;
    const { kind, topics, client, log } = options;
    const names = topics.ofKind(kind);
    this.#membership = new Membership({
      ...{ client, log, clock: systemClock, topics: names, group: topics.group(kind) },
      release: () => this.#release(),
      onAssigned: (partitions) => void this.#acquire(partitions),
    });
    this.#fetcher = new Fetcher({
      ...{ client, log, clock: systemClock, topics: names },
      wanted: () => this.#wanted(),
      onRecords: (fetched) => this.#take(fetched),
      onOutOfRange: () => this.#findBeginnings(),
    });
  }

  start(): void {
    this.#membership.start();
  }

  /**
   * Wall-clock time. It returns no time for tasks that `claim` would not hand out, because a caller that claims at once would then loop and
   * block the process.
   */
  nextDueMs(): number | undefined {
    return this.#mayClaim ? this.#held.nextDueMs() : undefined;
  }

  /** The marks of the owned partitions. */
  marks(): readonly (PartitionName & Marks)[] {
    return this.#held.partitions.map(changeOf);
  }

  get #mayClaim(): boolean {
    return !this.#isReleasing && this.#membership.isFresh;
  }

  async claim(request: Parameters<TaskConsumer['claim']>[0]): Promise<readonly ClaimedTask[]> {
    const { clock, marks } = this.#options;
    if (!this.#mayClaim) return [];
    const held = this.#held;
    const tasks = held.claim({ ...request, nowMs: clock.nowMs() });
    const moved = new Set(tasks.filter(({ partition, offset }) => partition.claimedThrough(offset)).map(partitionOf));
    const noting = Array.from(moved, (partition) => ({ partition, claimed: partition.marks.claimed }));
    try {
      // Stored before the tasks are handed out: when one of them crashes this process, the next owner knows.
      await marks.write(Array.from(moved, changeOf));
      for (const { partition, claimed } of noting) partition.noted(claimed);
    } catch (error) {
      held.revertClaims(tasks, clock.nowMs());
      throw error;
    }
    return this.#held === held ? tasks.map(toClaimed) : [];
  }

  renew(claims: readonly Claim[], leaseMs: number): readonly boolean[] {
    const untilMs = this.#options.clock.nowMs() + leaseMs;
    return claims.map((claim) => {
      const task = this.#standing(claim);
      if (task !== undefined) task.dueAtMs = untilMs;
      return task !== undefined;
    });
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const held = this.#held;
    const settling = settlements.map(({ claim, outcome }) => ({ task: this.#standing(claim), outcome }));
    const tasks = settling.map(({ task }) => task).filter((task) => task !== undefined);
    for (const task of tasks) task.state = 'settling';
    try {
      await Promise.all(settling.map(({ task, outcome }) => task && this.#carryOut(task, outcome)));
      await this.#done(held, tasks);
    } catch (error) {
      // The claims stay until their leases expire. Then the tasks are claimed again.
      for (const task of tasks) task.state = 'claimed';
      throw error;
    }
    return settling.map(({ task }) => task !== undefined);
  }

  async close(): Promise<void> {
    // Open claims end now. Their workers were notified before.
    this.#isReleasing = true;
    this.#held = new HeldTasks([]);
    await this.#membership.close();
    await this.#fetcher.close();
  }

  #standing(claim: Claim): HeldTask | undefined {
    const task = this.#membership.isFresh ? this.#held.claimed(claim) : undefined;
    return task !== undefined && task.dueAtMs > this.#options.clock.nowMs() ? task : undefined;
  }

  async #carryOut(task: HeldTask, outcome: Settlement['outcome']): Promise<void> {
    const { outcomes, clock } = this.#options;
    const { record, attempt } = task;
    if (outcome.type === 'done') return;
    if (outcome.type === 'dead')
      return outcomes.addDeadLetter({ ...record, attempt, failureCount: task.failureCount + 1 }, outcome.error);
    const failureCount = task.failureCount + (outcome.countsAsFailure ? 1 : 0);
    const dueAtMs = clock.nowMs() + outcome.delayMs;
    await outcomes.retry([{ ...record, attempt, failureCount, dueAtMs }], outcome.delayMs);
  }

  async #done(held: HeldTasks, tasks: readonly HeldTask[]): Promise<void> {
    for (const task of tasks) held.remove(task);
    await this.#options.marks.write(Array.from(new Set(tasks.map(partitionOf)), changeOf));
    this.#fetcher.look();
  }

  async #release(): Promise<void> {
    this.#isReleasing = true;
    const held = this.#held;
    const untilMs = systemClock.monotonicMs() + releaseMaxMs;
    while (held.hasClaims && systemClock.monotonicMs() < untilMs)
      await new Promise<void>((resolve) => void systemClock.after(lookEveryMs, resolve));
    if (held.hasClaims) this.#options.log.warn('claims ended by a rebalance', { kind: this.#options.kind });
    if (this.#held === held) this.#held = new HeldTasks([]);
  }

  /** Reads no records until the marks are known, and retries. */
  async #acquire(names: readonly PartitionName[]): Promise<void> {
    const { marks, topics, kind, log } = this.#options;
    const held = new HeldTasks([]);
    this.#held = held;
    while (this.#held === held) {
      try {
        const known = await marks.read(topics.ofKind(kind));
        if (this.#held !== held) return;
        this.#held = new HeldTasks(
          names.map((name) => new HeldPartition(name, known.get(partitionKey(name)) ?? { done: 0, claimed: 0 })),
        );
        this.#isReleasing = false;
        this.#fetcher.look();
        log.info('partitions assigned', { kind, partitions: names.length });
        return;
      } catch (error) {
        log.warn('failed to read the marks of partitions, retrying', { kind, error });
        await new Promise<void>((resolve) => void systemClock.after(1_000, resolve));
      }
    }
  }

  #wanted() {
    return this.#held.partitions
      .filter(({ topic }) => {
        const { count, bytes } = this.#held.heldOf(topic);
        return count < heldMax.count && bytes < heldMax.bytes;
      })
      .map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset }));
  }

  async #take(fetched: FetchedPartition): Promise<void> {
    const held = this.#held;
    const partition = held.partitions.find(
      ({ topic, partition }) => partitionKey({ topic, partition }) === partitionKey(fetched),
    );
    // A fetch of an earlier ownership may be after records that were not read in this one.
    if (partition === undefined || fetched.requestedOffset !== partition.nextOffset) return;
    const left: HeldTask[] = [];
    /** The partitions with tasks that are done without a settlement. */
    const moved = new Set<HeldPartition>();
    for (const { offset, ...raw } of fetched.records) {
      const record = decodeTask<TaskRecord>(raw);
      const isDead = record && (await this.#options.outcomes.isDead(record));
      // Moved together with the task, because tasks below it that are not held count as done.
      partition.nextOffset = offset + 1;
      if (record === undefined) continue;
      const before = held.sameTask(record);
      // The task was claimed again since, and continues with that claim.
      const isStale = before !== undefined && before.attempt > record.attempt;
      if (isDead || isStale || held.hasDuplicate(record)) {
        moved.add(partition);
        continue;
      }
      if (before) moved.add(before.partition);
      const task = held.add(partition, { record, offset });
      if (offset < partition.claimedBefore) left.push(task);
    }
    partition.nextOffset = Math.max(partition.nextOffset, fetched.nextOffset);
    for (const task of left) task.state = 'settling';
    await this.#retryLeft(held, left);
    if (moved.size > 0) await this.#options.marks.write(Array.from(moved, changeOf));
    this.#options.onChange();
  }

  /** Tasks whose claimer has left. Each counts a failure, and is retried alone. */
  async #retryLeft(held: HeldTasks, left: readonly HeldTask[]): Promise<void> {
    if (left.length === 0) return;
    const { outcomes, clock, kind, log } = this.#options;
    log.warn('retrying tasks that a worker left', { kind, count: left.length });
    const dueAtMs = clock.nowMs() + leftDelayMs;
    const records = left.map(({ record }) => ({
      ...record,
      attempt: record.attempt + 1,
      failureCount: record.failureCount + 1,
      dueAtMs,
    }));
    try {
      await outcomes.retry(records, leftDelayMs);
      await this.#done(held, left);
    } catch (error) {
      // The tasks stay in this process, with the failure counted. Kafka may have stored the records nevertheless.
      for (const task of left) {
        const { attempt, failureCount } = task;
        Object.assign(task, { state: 'waiting', attempt: attempt + 1, failureCount: failureCount + 1, dueAtMs });
      }
      throw error;
    }
  }

  async #findBeginnings(): Promise<void> {
    const { marks, topics, kind } = this.#options;
    const known = await marks.read(topics.ofKind(kind));
    for (const partition of this.#held.partitions)
      partition.nextOffset = Math.max(partition.nextOffset, known.get(partitionKey(partition))?.done ?? 0);
  }
}

const partitionOf = ({ partition }: HeldTask): HeldPartition => partition;
const changeOf = (partition: HeldPartition) => ({
  topic: partition.topic,
  partition: partition.partition,
  ...partition.marks,
});
