// A task's id to everyone else is the number of its row here.

import type { TaskId } from '../task-queue.ts';

export const idOf = (no: number): TaskId => String(no) as TaskId;

/** NaN, which no row has, for what no queue gave. */
export const numberOf = (id: TaskId): number => (/^\d{1,15}$/.test(id) ? Number(id) : Number.NaN);
