// The tables of the event log, as numbered, forward-only migrations.

import type { Database } from 'bun:sqlite';
import { basename } from 'node:path';
import { closeWriter, openWriter } from '../../../adapters/sqlite/open.ts';
import { newEpoch } from '../../timeline/position.ts';

/** "HyEv": marks a file as an event log of this program. */
const applicationId = 0x48794576;

/**
 * An event with a `seq` is an entry of the timeline. Its content is read there, and never stored here. `member_position` has the reported
 * positions, and up to which positions events were appended (…_told). `online` has the users whose last event is user.online, with the run
 * of the server that appended it. AUTOINCREMENT: a position is never assigned twice, even when all events were removed.
 */
const migrations: readonly string[] = [
  `CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE event(
     position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, type TEXT NOT NULL, at_ms INTEGER NOT NULL,
     lane TEXT NOT NULL, seq INTEGER, data TEXT NOT NULL);
   CREATE TABLE member_position(
     no INTEGER PRIMARY KEY, conversation_id TEXT NOT NULL, user_id TEXT NOT NULL,
     delivered_seq INTEGER NOT NULL, read_seq INTEGER NOT NULL,
     delivered_told INTEGER NOT NULL, read_told INTEGER NOT NULL, updated_at INTEGER NOT NULL,
     UNIQUE(conversation_id, user_id));
   CREATE INDEX untold ON member_position(no) WHERE delivered_told < delivered_seq OR read_told < read_seq;
   CREATE TABLE online(user_id TEXT PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE endpoint(
     no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, types TEXT NOT NULL, secret TEXT NOT NULL,
     old_secret TEXT, old_secret_until INTEGER, is_enabled INTEGER NOT NULL, disabled_reason TEXT NOT NULL,
     created_at INTEGER NOT NULL, cursor INTEGER NOT NULL, failures INTEGER NOT NULL, failing_since INTEGER NOT NULL);
   CREATE TABLE parked(
     endpoint_no INTEGER NOT NULL, position INTEGER NOT NULL, lane TEXT NOT NULL, attempts INTEGER NOT NULL,
     next_ms INTEGER NOT NULL, PRIMARY KEY(endpoint_no, position)) WITHOUT ROWID;
   CREATE TABLE attempt(
     no INTEGER PRIMARY KEY AUTOINCREMENT, endpoint_no INTEGER NOT NULL, position INTEGER NOT NULL, event_id TEXT NOT NULL,
     type TEXT NOT NULL, at_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, status INTEGER NOT NULL, error TEXT NOT NULL);
   CREATE INDEX attempt_by_endpoint ON attempt(endpoint_no, no);
   CREATE TABLE dead(
     endpoint_no INTEGER NOT NULL, position INTEGER NOT NULL, event_id TEXT NOT NULL, type TEXT NOT NULL, lane TEXT NOT NULL,
     attempts INTEGER NOT NULL, error TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY(endpoint_no, position)) WITHOUT ROWID;`,
  'ALTER TABLE endpoint ADD COLUMN paused_until INTEGER NOT NULL DEFAULT 0;',
];

/** Migrates an empty file, or one of an earlier version, to this version. Throws for a file that this program cannot read. */
export function migrate(db: Database): void {
  const isNew = pragma(db, 'schema_version') === 0;
  if (!isNew) assertLayout(db);
  for (let next = pragma(db, 'user_version'); next < migrations.length; next++) {
    db.transaction(() => {
      db.run(migrations[next] ?? '');
      if (next === 0) db.run("INSERT INTO meta(name, value) VALUES ('epoch', ?)", [newEpoch()]);
      db.run(`PRAGMA application_id = ${applicationId}`);
      db.run(`PRAGMA user_version = ${next + 1}`);
    })();
  }
}

/** Throws an error that says what to do when the file has another layout. */
function assertLayout(db: Database): void {
  const file = basename(db.filename);
  if (pragma(db, 'application_id') !== applicationId)
    throw new Error(`${file} is no event log of this program: move it away, and a new one is made`);
  if (pragma(db, 'user_version') > migrations.length)
    throw new Error(`${file} was written by a later version of this program: run that version`);
}

function pragma(db: Database, name: string): number {
  const row = db.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
  return row?.[name] ?? 0;
}

/**
 * Invalidates the positions of all readers. Call it after a restore from a backup, while no server uses the file. `sendsNothing` also
 * disables the endpoints.
 */
export function renewEventEpoch(path: string, { sendsNothing }: { readonly sendsNothing: boolean }): void {
  const db = openWriter(path);
  try {
    migrate(db);
    db.run("UPDATE meta SET value = ? WHERE name = 'epoch'", [newEpoch()]);
    if (sendsNothing)
      db.run("UPDATE endpoint SET is_enabled = 0, disabled_reason = 'switched off' WHERE is_enabled = 1");
  } finally {
    closeWriter(db);
  }
}
