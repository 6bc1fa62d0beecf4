// The task queue of a data folder.

import type { Config } from '../../config/options.ts';
import { openSqliteTaskQueue, type SqliteTaskQueueOptions } from '../../ports/task-queue/sqlite-task-queue.ts';
import type { TaskQueue } from '../../ports/task-queue/task-queue.ts';

export const openTasks = (
  config: Config,
  store: Pick<SqliteTaskQueueOptions, 'clock' | 'log' | 'path' | 'maxBytes' | 'onDeath' | 'meter'>,
): Promise<TaskQueue> =>
  openSqliteTaskQueue({
    ...store,
    tasksMax: config.tasksMax,
    payloadMax: config.taskBytesMax,
    deadLettersMax: config.deadLettersMax,
  });
