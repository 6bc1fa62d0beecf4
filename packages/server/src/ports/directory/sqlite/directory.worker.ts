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
  // Removed drafts must leave the disk, because a sent draft may be a message that is recalled later [E5].
  db.run('PRAGMA secure_delete=ON');
  migrate(db);
  return new DirectoryStore(db);
});
