// The directory's writer thread.

import { openWriter, transactionOf } from '../../adapters/sqlite/open.ts';
import { serveGroupCommit } from '../../adapters/sqlite/serve-group-commit.ts';
import { type DirectoryOp, type DirectoryResult, DirectoryStore } from './directory-store.ts';
import { migrate } from './schema.ts';

export interface DirectoryInit {
  readonly path: string;
  readonly maxBytes?: number;
}

serveGroupCommit<DirectoryOp, DirectoryResult>((init) => {
  const { path, maxBytes } = init as DirectoryInit;
  const db = openWriter(path, maxBytes === undefined ? {} : { maxBytes });
  migrate(db);
  const store = new DirectoryStore(db);
  const transaction = transactionOf(db);
  return {
    ...transaction,
    rollback() {
      transaction.rollback();
      store.forget();
    },
    apply: (op) => store.apply(op),
    close: () => store.close(),
  };
});
