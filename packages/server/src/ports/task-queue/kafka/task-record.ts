// A task as a record of a topic: its payload as the value, everything else in one header.

import type { TaskId } from '../task-queue.ts';

export interface TaskRecord {
  readonly taskId: TaskId;
  readonly kind: string;
  readonly payload: string;
  readonly key?: string;
  readonly addedAtMs: number;
  /** Not to be claimed before. */
  readonly dueAtMs: number;
  /** Claims before. */
  readonly attempt: number;
  readonly failureCount: number;
}

/** Only of dead letters. */
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

/** Removes what stands under the key, where a topic is compacted. */
export const tombstone = (taskId: TaskId, topic: string): RecordToSend => ({
  ...{ topic, partition: 0, key: Buffer.from(taskId), value: undefined },
  headers: new Map(),
});

/** undefined: no task was written here by this program. */
export function decodeTask<T extends TaskRecord>(record: {
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
}): T | undefined {
  const header = record.headers.find(([name]) => name?.equals(headerName));
  if (record.value === null || !header?.[1]) return undefined;
  return { ...JSON.parse(header[1].toString()), payload: record.value.toString() } as T;
}
