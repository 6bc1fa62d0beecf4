// The encoding of a task as a Kafka record: the payload is the value, and one header has the rest.

import type { TaskId } from '../task-queue.ts';

export interface TaskRecord {
  readonly taskId: TaskId;
  readonly kind: string;
  readonly payload: string;
  readonly key?: string;
  readonly addedAtMs: number;
  /** The time at which the task is ready. */
  readonly dueAtMs: number;
  /** The number of earlier claims. */
  readonly attempt: number;
  readonly failureCount: number;
}

/** The record of a dead letter. */
export interface DeadRecord extends TaskRecord {
  readonly error: string;
  readonly diedAtMs: number;
}

export interface RecordToSend {
  readonly topic: string;
  readonly partition: number;
  readonly key?: Buffer;
  readonly value: Buffer | undefined;
  readonly headers: Map<Buffer, Buffer>;
}

const headerName = Buffer.from('task');

export function encodeTask(
  { payload, ...about }: TaskRecord | DeadRecord,
  to: { readonly topic: string; readonly partition: number },
): RecordToSend {
  const headers = new Map([[headerName, Buffer.from(JSON.stringify(about))]]);
  return { ...to, key: Buffer.from(about.taskId), value: Buffer.from(payload), headers };
}

/** Deletes the record of the key from a compacted topic. */
export const tombstone = (taskId: TaskId, topic: string): RecordToSend => ({
  ...{ topic, partition: 0, key: Buffer.from(taskId), value: undefined },
  headers: new Map(),
});

/** undefined when this program did not write the record. */
export function decodeTask<T extends TaskRecord>(record: {
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
}): T | undefined {
  const header = record.headers.find(([name]) => name?.equals(headerName));
  if (record.value === null || !header?.[1]) return undefined;
  return { ...JSON.parse(header[1].toString()), payload: record.value.toString() } as T;
}
