// The smallest store behind a GroupCommit, for its tests: notes with a unique text, and ops that fail on purpose.

import { openWriter, transactionOf } from '../open.ts';
import { serveWriterThread } from '../writer-thread-server.ts';

export type NoteOp =
  | { readonly type: 'add'; readonly text: string }
  | { readonly type: 'fail' }
  | { readonly type: 'die' };
/** The number of notes after the op. */
export type NoteResult = number;

serveWriterThread<NoteOp, NoteResult>((init) => {
  const { path, maxBytes } = init as { readonly path: string; readonly maxBytes?: number };
  const db = openWriter(path, maxBytes === undefined ? {} : { maxBytes });
  db.run('CREATE TABLE IF NOT EXISTS note(no INTEGER PRIMARY KEY, batch INTEGER NOT NULL, text TEXT NOT NULL)');
  const add = db.prepare<{ no: number }, [number, string]>('INSERT INTO note(batch, text) VALUES(?, ?) RETURNING no');
  let batch = 0;
  /** A note whose text begins with "upkeep" requests three steps of upkeep, each of which adds a note. */
  let upkeepLeft = 0;
  const transaction = transactionOf(db);
  return {
    ...transaction,
    begin() {
      batch++;
      transaction.begin();
    },
    apply(op) {
      if (op.type === 'fail') throw new Error('failed on purpose');
      if (op.type === 'die') process.exit(1);
      if (op.text.startsWith('upkeep')) upkeepLeft = 3;
      return add.get(batch, op.text)?.no ?? 0;
    },
    upkeep() {
      if (upkeepLeft === 0) return false;
      add.run(batch, 'kept up');
      return --upkeepLeft > 0;
    },
    close: () => db.close(),
  };
});
