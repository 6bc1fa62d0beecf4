// The directory's writer thread.

import { openWriter } from '../../../adapters/sqlite/open.ts';
import { serveWriterThread } from '../../../adapters/sqlite/writer-thread-server.ts';
import { DirectoryStore } from './directory-store.ts';
import type { DirectoryOp, DirectoryResult } from './ops.ts';
import { migrate } from './schema.ts';

export interface DirectoryInit {
  readonly path: string;
  readonly maxBytes?: number | undefined;
}

serveWriterThread<DirectoryOp, DirectoryResult>((init) => {
  const { path, maxBytes } = init as DirectoryInit;
  const db = openWriter(path, maxBytes === undefined ? {} : { maxBytes });
  // Drafts that were sent, and recalled since, are to be gone from here too [E5].
  db.run('PRAGMA secure_delete=ON');
  migrate(db);
  return new DirectoryStore(db);
});
