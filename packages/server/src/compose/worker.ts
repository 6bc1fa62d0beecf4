// The task queue of a data folder, and the worker that does what stands in it.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Config } from '../config/options.ts';
import { openSqliteTaskQueue, type SqliteTaskQueueOptions } from '../ports/task-queue/sqlite-task-queue.ts';
import type { TaskQueue } from '../ports/task-queue/task-queue.ts';
import type { Work } from '../roles/worker/work.ts';
import { type RunningWorker, startWorker } from '../roles/worker/worker.ts';

export interface WorkerSurroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** A worker that died holds its tasks so long; one that works renews them. */
const leaseMs = 60_000;
const failuresMax = 10;
const backOff = { backOffBaseMs: 500, backOffMaxMs: 300_000 };

export function openTasks(
  config: Config,
  { clock, log }: WorkerSurroundings,
  store: Pick<SqliteTaskQueueOptions, 'path' | 'maxBytes' | 'onDeath' | 'meter'>,
): Promise<TaskQueue> {
  return openSqliteTaskQueue({
    ...store,
    clock,
    log,
    tasksMax: config.tasksMax,
    payloadMax: config.taskBytesMax,
    deadLettersMax: config.deadLettersMax,
  });
}

export const startWorks = (
  works: readonly Work[],
  { clock, log }: WorkerSurroundings,
  queue: TaskQueue,
): RunningWorker =>
  startWorker({ queue, works, clock, log, random: Math.random, retry: { leaseMs, failuresMax, ...backOff } });
