// The held tasks of a kind: one task per id, and marks that are stored before tasks are handed out.

import { expect, test } from 'bun:test';
import type { TaskId } from '../task-queue.ts';
import { HeldPartition, HeldTasks } from './held-tasks.ts';
import type { TaskRecord } from './task-record.ts';

const open = () => {
  const partition = new HeldPartition({ topic: 'k', partition: 0 }, { done: 0, claimed: 0 });
  const held = new HeldTasks([partition]);
  const take = (record: TaskRecord) => held.add(partition, { record, offset: partition.nextOffset++ });
  const claim = () => held.claim({ limit: 10, payloadMax: 1_000, nowMs: 0, leaseMs: 1_000 });
  return { partition, held, take, claim };
};

const record = (attempt: number): TaskRecord => ({
  ...{ taskId: 'a' as TaskId, kind: 'k', payload: 'p', addedAtMs: 0, dueAtMs: 0, failureCount: 0, attempt },
});

test('[T1] a retried task replaces its earlier record, also when that was not settled', () => {
  const { partition, held, take, claim } = open();
  take(record(0));
  const [first] = claim();
  // Kafka had taken the record that says so, and its answer was lost.
  take(record(1));
  expect(partition.marks.done).toBe(1);
  expect(held.claimed({ taskId: 'a' as TaskId, attempt: first?.attempt ?? 0 })).toBeUndefined();
  const again = claim();
  expect(again).toMatchObject([{ attempt: 2, offset: 1 }]);
  for (const task of again) held.remove(task);
  expect(partition.marks.done).toBe(2);
  expect(held.heldOf('k')).toEqual({ count: 0, bytes: 0 });
});

test('[T2] a claim mark must be stored until storing it has succeeded', () => {
  const { partition } = open();
  expect(partition.claimedThrough(0)).toBe(true);
  expect(partition.claimedThrough(0)).toBe(true);
  partition.noted(1);
  expect(partition.claimedThrough(0)).toBe(false);
  expect(partition.claimedThrough(1)).toBe(true);
});
