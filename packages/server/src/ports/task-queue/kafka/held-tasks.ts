// The tasks of a kind that one process has read from its partitions and that are not done yet: a pure state machine.

import type { Claim, ClaimedTask } from '../task-queue.ts';
import type { TaskRecord } from './task-record.ts';

export interface PartitionName {
  readonly topic: string;
  readonly partition: number;
}

/** The marks of a partition: all tasks below `done` are done, and all tasks below `claimed` have been handed out at some time. */
export interface Marks {
  readonly done: number;
  readonly claimed: number;
}

export interface HeldTask {
  readonly record: TaskRecord;
  readonly offset: number;
  readonly partition: HeldPartition;
  readonly bytes: number;
  attempt: number;
  failureCount: number;
  /** The time at which the task is ready; for a claimed task, the end of its lease. */
  dueAtMs: number;
  state: 'waiting' | 'claimed' | 'settling';
}

export class HeldPartition implements PartitionName {
  readonly topic: string;
  readonly partition: number;
  /** Tasks below this offset were handed out by an earlier owner, who left without settling them. */
  readonly claimedBefore: number;
  readonly tasks = new Map<number, HeldTask>();
  /** The offset of the next record. */
  nextOffset: number;
  #claimed: number;
  /** The durable part of the mark. */
  #noted: number;

  constructor({ topic, partition }: PartitionName, marks: Marks) {
    this.topic = topic;
    this.partition = partition;
    this.claimedBefore = marks.claimed;
    this.nextOffset = marks.done;
    this.#claimed = marks.claimed;
    this.#noted = marks.claimed;
  }

  get marks(): Marks {
    const [first] = this.tasks.keys();
    return { done: first ?? this.nextOffset, claimed: this.#claimed };
  }

  /** Whether the mark must be stored: it moved, or an earlier attempt to store it failed. */
  claimedThrough(offset: number): boolean {
    this.#claimed = Math.max(this.#claimed, offset + 1);
    return offset >= this.#noted;
  }

  noted(claimed: number): void {
    this.#noted = Math.max(this.#noted, claimed);
  }
}

export class HeldTasks {
  readonly partitions: readonly HeldPartition[];
  /** The tasks with a key, at most one per key. */
  readonly #byKey = new Map<string, HeldTask>();
  readonly #byId = new Map<string, HeldTask>();
  /** The held tasks per topic. */
  readonly #held = new Map<string, { count: number; bytes: number }>();

  constructor(partitions: readonly HeldPartition[]) {
    this.partitions = partitions;
  }

  heldOf(topic: string): { readonly count: number; readonly bytes: number } {
    return this.#held.get(topic) ?? { count: 0, bytes: 0 };
  }

  /** Whether another task has the same key. */
  hasDuplicate({ key, taskId }: TaskRecord): boolean {
    const holder = key === undefined ? undefined : this.#byKey.get(key);
    return holder !== undefined && holder.record.taskId !== taskId;
  }

  /** The held record of the same task. Kafka may have stored a record of a further attempt although its answer was lost. */
  sameTask({ taskId }: TaskRecord): HeldTask | undefined {
    return this.#byId.get(taskId);
  }

  get hasClaims(): boolean {
    for (const task of this.#byId.values()) if (task.state !== 'waiting') return true;
    return false;
  }

  /** Replaces a held record of the same task. */
  add(
    partition: HeldPartition,
    { record, offset }: { readonly record: TaskRecord; readonly offset: number },
  ): HeldTask {
    const { attempt, failureCount, dueAtMs, payload, key, taskId } = record;
    const before = this.#byId.get(taskId);
    if (before) this.remove(before);
    const bytes = Buffer.byteLength(payload);
    const task: HeldTask = { record, offset, partition, bytes, attempt, failureCount, dueAtMs, state: 'waiting' };
    partition.tasks.set(offset, task);
    this.#byId.set(taskId, task);
    if (key !== undefined) this.#byKey.set(key, task);
    const held = this.heldOf(partition.topic);
    this.#held.set(partition.topic, { count: held.count + 1, bytes: held.bytes + bytes });
    return task;
  }

  remove(task: HeldTask): void {
    const { record, partition, offset, bytes } = task;
    if (!partition.tasks.delete(offset)) return;
    if (this.#byId.get(record.taskId) === task) this.#byId.delete(record.taskId);
    if (record.key !== undefined && this.#byKey.get(record.key) === task) this.#byKey.delete(record.key);
    const held = this.heldOf(partition.topic);
    this.#held.set(partition.topic, { count: held.count - 1, bytes: held.bytes - bytes });
  }

  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { state, dueAtMs } of this.#byId.values())
      if (state !== 'settling' && (next === undefined || dueAtMs < next)) next = dueAtMs;
    return next;
  }

  /** Claims the tasks that have waited longest. A task that failed before is handed out alone, because it may crash its worker. */
  claim(request: {
    readonly limit: number;
    readonly payloadMax: number;
    readonly nowMs: number;
    readonly leaseMs: number;
  }): readonly HeldTask[] {
    const chosen = this.#choose(request);
    for (const task of chosen) {
      // An expired lease is a failure, because a worker that died reports none.
      if (task.state === 'claimed') task.failureCount++;
      task.state = 'claimed';
      task.attempt++;
      task.dueAtMs = request.nowMs + request.leaseMs;
    }
    return chosen;
  }

  /** Reverts claims that could not be stored. */
  revertClaims(tasks: readonly HeldTask[], nowMs: number): void {
    for (const task of tasks) {
      task.state = 'waiting';
      task.attempt--;
      task.dueAtMs = nowMs;
    }
  }

  /** undefined when the claim has ended. */
  claimed({ taskId, attempt }: Claim): HeldTask | undefined {
    const task = this.#byId.get(taskId);
    return task?.state === 'claimed' && task.attempt === attempt ? task : undefined;
  }

  #choose({ limit, payloadMax, nowMs }: { limit: number; payloadMax: number; nowMs: number }): readonly HeldTask[] {
    const due = [...this.#byId.values()]
      .filter(({ state, dueAtMs }) => state !== 'settling' && dueAtMs <= nowMs)
      .sort((a, b) => a.dueAtMs - b.dueAtMs || a.offset - b.offset);
    const [first] = due;
    if (first === undefined) return [];
    if (hasFailed(first)) return [first];
    const chosen: HeldTask[] = [];
    let bytes = 0;
    for (const task of due) {
      if (hasFailed(task)) continue;
      bytes += task.bytes;
      if (chosen.length >= limit || (chosen.length > 0 && bytes > payloadMax)) break;
      chosen.push(task);
    }
    return chosen;
  }
}

const hasFailed = ({ state, failureCount }: HeldTask): boolean => state === 'claimed' || failureCount > 0;

export const toClaimed = ({ record, attempt, failureCount }: HeldTask): ClaimedTask => ({
  taskId: record.taskId,
  attempt,
  kind: record.kind,
  payload: record.payload,
  failureCount,
  addedAtMs: record.addedAtMs,
});
