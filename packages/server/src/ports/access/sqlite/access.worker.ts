// The writer thread of access.db.

import { migrateStore } from '../../../adapters/sqlite/migrate.ts';
import { openWriter } from '../../../adapters/sqlite/open.ts';
import { serveWriterThread } from '../../../adapters/sqlite/writer-thread-server.ts';
import { AccessStore } from './access-store.ts';
import type { AccessOp, AccessResult } from './ops.ts';
import { accessLayout } from './schema.ts';

export interface AccessInit {
  readonly path: string;
  readonly maxBytes?: number | undefined;
  readonly revocationsMax: number;
}

const cacheBytes = 4 * 1024 * 1024;

serveWriterThread<AccessOp, AccessResult>((init) => {
  const { path, maxBytes, revocationsMax } = init as AccessInit;
  const db = openWriter(path, { cacheBytes, ...(maxBytes === undefined ? {} : { maxBytes }) });
  migrateStore(db, accessLayout);
  return new AccessStore(db, revocationsMax);
});
