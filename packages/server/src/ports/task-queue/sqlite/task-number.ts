// The id of a task is the number of its row.

import type { TaskId } from '../task-queue.ts';

export const idOf = (no: number): TaskId => String(no) as TaskId;

/** NaN, which no row has, for an id of another queue. */
export const numberOf = (id: TaskId): number => (/^\d{1,15}$/.test(id) ? Number(id) : Number.NaN);
