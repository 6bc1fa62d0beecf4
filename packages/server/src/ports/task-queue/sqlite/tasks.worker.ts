// The task queue's writer thread.

import { openWriter } from '../../../adapters/sqlite/open.ts';
import { serveWriterThread } from '../../../adapters/sqlite/writer-thread-server.ts';
import type { TaskOp, TaskResult } from './ops.ts';
import { migrateTasks } from './schema.ts';
import { type TaskBounds, TaskStore } from './task-store.ts';

export interface TasksInit {
  readonly path: string;
  readonly maxBytes?: number | undefined;
  readonly bounds: TaskBounds;
}

serveWriterThread<TaskOp, TaskResult>((init) => {
  const { path, maxBytes, bounds } = init as TasksInit;
  const db = openWriter(path, maxBytes === undefined ? {} : { maxBytes });
  migrateTasks(db);
  return new TaskStore(db, bounds);
});
