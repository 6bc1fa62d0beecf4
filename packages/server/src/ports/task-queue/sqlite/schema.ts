// The tables of tasks.db, as numbered steps that only go forward.

import type { Database } from 'bun:sqlite';
import { migrateStore, type StoreLayout } from '../../../adapters/sqlite/migrate.ts';

/**
 * Payloads stand apart: a claim, a renewal and a retry rewrite a task's row, never its payload. `due_at` of a claimed task is the
 * end of its lease, so that a task whose lease ran out is due again by itself. Numbers are never given twice, because a claim
 * names its task by them.
 */
const migrations: readonly string[] = [
  `CREATE TABLE task(
     no INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT, added_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
     attempt INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, is_claimed INTEGER NOT NULL DEFAULT 0,
     payload_bytes INTEGER NOT NULL);
   CREATE INDEX task_by_due ON task(kind, due_at);
   CREATE UNIQUE INDEX task_by_key ON task(kind, key) WHERE key IS NOT NULL;
   CREATE TABLE payload(no INTEGER PRIMARY KEY, text TEXT NOT NULL);
   CREATE TABLE dead_letter(
     no INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT, added_at INTEGER NOT NULL, died_at INTEGER NOT NULL,
     failures INTEGER NOT NULL, error TEXT NOT NULL, payload TEXT NOT NULL);
   CREATE INDEX dead_letter_by_kind ON dead_letter(kind, no);
   CREATE UNIQUE INDEX dead_letter_by_key ON dead_letter(kind, key) WHERE key IS NOT NULL;`,
];

const layout: StoreLayout = {
  /** "HyTa". */
  applicationId: 0x48795461,
  what: 'task queue',
  migrations,
};

export const migrateTasks = (db: Database): void => migrateStore(db, layout);
