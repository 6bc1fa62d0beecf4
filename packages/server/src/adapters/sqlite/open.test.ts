// Transactions on a file: which of them wait for the disk.

import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWriter, transactionOf } from './open.ts';

test('a transaction is durable unless it asks for less, and the one after it is durable again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-open-'));
  const db = openWriter(join(folder, 'a.db'));
  db.run('CREATE TABLE t(n INTEGER PRIMARY KEY)');
  const transaction = transactionOf(db);
  const full = 2;
  const normal = 1;
  const levels = [undefined, { isDurable: false }, { isDurable: false }, { isDurable: true }, undefined].map(
    (asked) => {
      transaction.begin(asked);
      db.run('INSERT INTO t DEFAULT VALUES');
      transaction.commit();
      return db.query<{ synchronous: number }, []>('PRAGMA synchronous').get()?.synchronous;
    },
  );
  expect(levels).toEqual([full, normal, normal, full, full]);
  expect(db.query('SELECT count(*) AS count FROM t').get()).toEqual({ count: 5 });
  db.close();
  rmSync(folder, { recursive: true });
});
