// The tables of tasks.db, as numbered, forward-only migrations.

import type { Database } from 'bun:sqlite';
import { migrateStore, type StoreLayout } from '../../../adapters/sqlite/migrate.ts';

/**
 * Payloads have a separate table, so that claims, renewals and retries rewrite only the row of the task. `due_at` of a claimed task is the
 * end of its lease, so that a task becomes due when its lease expires. Numbers are never reused, because a claim identifies its task by its
 * number.
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
  name: 'task queue',
  migrations,
};

export const migrateTasks = (db: Database): void => migrateStore(db, layout);
