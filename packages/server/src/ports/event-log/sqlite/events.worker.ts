// The event log's writer thread.

import { openWriter } from '../../../adapters/sqlite/open.ts';
import { serveWriterThread } from '../../../adapters/sqlite/writer-thread-server.ts';
import { EventStore } from './event-store.ts';
import type { EventLogOp, EventLogResult } from './ops.ts';
import { migrate } from './schema.ts';

export interface EventLogInit {
  readonly path: string;
  readonly maxBytes?: number | undefined;
}

const cacheBytes = 16 * 1024 * 1024;

serveWriterThread<EventLogOp, EventLogResult>((init) => {
  const { path, maxBytes } = init as EventLogInit;
  const db = openWriter(path, { cacheBytes, ...(maxBytes === undefined ? {} : { maxBytes }) });
  migrate(db);
  return new EventStore(db);
});
