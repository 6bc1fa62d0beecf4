// Transactions on a file: which of them wait for the disk, that they write to no other file, and how the file is closed.

import type { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeWriter, openReader, openWriter, transactionOf } from './open.ts';

test('a transaction is durable by default, also after one that is not durable', () => {
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

// SQLite is configured with a folder for temporary files in which no file can be created, so that a temporary file would be an error.
test('a statement that changes many rows keeps its undo pages in memory, not in a file outside the data folder [E5]', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-open-'));
  const program = `
    const { openWriter } = await import(${JSON.stringify(join(import.meta.dir, 'open.ts'))});
    const db = openWriter(${JSON.stringify(join(folder, 'a.db'))});
    db.run('CREATE TABLE t(n INTEGER PRIMARY KEY, text TEXT NOT NULL)');
    const rows = (from) => JSON.stringify(Array.from({ length: 4_000 }, (_, index) => 2 * index + from));
    const insert = db.prepare("INSERT OR IGNORE INTO t(n, text) SELECT value, printf('%100d', value) FROM json_each(?)");
    insert.run(rows(0));
    db.transaction(() => insert.run(rows(1)))();
  `;
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, '-e', program], {
    env: { ...process.env, SQLITE_TMPDIR: '/sys/kernel' },
  });
  expect({ exitCode, errors: stderr.toString() }).toEqual({ exitCode: 0, errors: '' });
  rmSync(folder, { recursive: true });
});

// A writer that waits for readers waits five seconds.
test('[D1] closing a writer does not wait for a long reader, such as a backup, and loses nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-open-'));
  const path = join(folder, 'a.db');
  const count = (db: Database) => db.query('SELECT count(*) AS count FROM t').get();
  const db = openWriter(path);
  db.run('CREATE TABLE t(n INTEGER PRIMARY KEY)');
  const reader = openReader(path);
  reader.run('BEGIN');
  expect(count(reader)).toEqual({ count: 0 });
  db.run('INSERT INTO t DEFAULT VALUES');
  closeWriter(db);
  expect(count(reader)).toEqual({ count: 0 });
  reader.close();
  const again = openReader(path);
  expect(count(again)).toEqual({ count: 1 });
  again.close();
  rmSync(folder, { recursive: true });
}, 4_000);
