// The tables of the directory, as numbered, forward-only migrations.

import type { Database } from 'bun:sqlite';
import { basename } from 'node:path';
import { searchKeys } from '../../../domain/fold.ts';
import { moveDevices } from './move-devices.ts';

/** "HyDi": marks a file as a directory of this program. Files of version 0.1 have no mark (0). */
const applicationId = 0x48794469;

/**
 * Ids are ASCII and unique without regard to case. Rows refer to each other by number, so that the rows written per receipt, and the
 * indexes over memberships, stay small. A user without `created_at` has no account: only a membership mentions its id.
 */
const migrations: readonly (string | Step)[] = [
  `CREATE TABLE user(
     no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE COLLATE NOCASE,
     display_name TEXT NOT NULL DEFAULT '', created_at INTEGER, password_hash TEXT);
   CREATE TABLE user_word(word TEXT NOT NULL, user_no INTEGER NOT NULL, PRIMARY KEY(word, user_no)) WITHOUT ROWID;
   CREATE TABLE device(
     no INTEGER PRIMARY KEY, user_no INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, last_seen INTEGER NOT NULL,
     UNIQUE(user_no, id));
   CREATE INDEX device_by_last_seen ON device(last_seen);
   CREATE TABLE conversation(
     no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE COLLATE NOCASE, kind TEXT NOT NULL, title TEXT NOT NULL,
     created_at INTEGER NOT NULL, is_history_visible INTEGER NOT NULL, member_count INTEGER NOT NULL,
     last_standing INTEGER NOT NULL);
   CREATE TABLE member(
     conversation_no INTEGER NOT NULL, user_no INTEGER NOT NULL, is_owner INTEGER NOT NULL, standing INTEGER NOT NULL,
     visible_from INTEGER NOT NULL, delivered_seq INTEGER NOT NULL, read_seq INTEGER NOT NULL, updated_at INTEGER NOT NULL,
     PRIMARY KEY(conversation_no, user_no), CHECK(0 <= read_seq AND read_seq <= delivered_seq)) WITHOUT ROWID;
   CREATE INDEX member_by_user ON member(user_no, conversation_no);
   CREATE INDEX owner ON member(conversation_no) WHERE is_owner = 1;
   CREATE TABLE receipt(
     device_no INTEGER NOT NULL, conversation_no INTEGER NOT NULL, delivered_seq INTEGER NOT NULL, read_seq INTEGER NOT NULL,
     PRIMARY KEY(device_no, conversation_no), CHECK(0 <= read_seq AND read_seq <= delivered_seq)) WITHOUT ROWID;`,
  `ALTER TABLE member ADD COLUMN sent_seq INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE member ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0;`,
  `ALTER TABLE conversation ADD COLUMN who_posts TEXT NOT NULL DEFAULT 'members';
   ALTER TABLE conversation ADD COLUMN who_adds TEXT NOT NULL DEFAULT 'members';
   ALTER TABLE conversation ADD COLUMN who_mentions_all TEXT NOT NULL DEFAULT 'admins';
   UPDATE conversation SET who_posts = 'admins', who_adds = 'admins' WHERE kind = 'broadcast';
   UPDATE conversation SET who_adds = 'admins', who_mentions_all = 'members' WHERE kind = 'direct';`,
  `CREATE TABLE private_total(
     user_no INTEGER PRIMARY KEY, as_of_seq INTEGER NOT NULL, key_count INTEGER NOT NULL, bytes INTEGER NOT NULL);
   CREATE TABLE private_row(
     user_no INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, json TEXT NOT NULL, UNIQUE(user_no, key));`,
  'ALTER TABLE user ADD COLUMN tier TEXT;',
  'ALTER TABLE user ADD COLUMN is_disabled INTEGER NOT NULL DEFAULT 0;',
  // From here on devices have a separate store. The numbers of their ids in receipts stay, as those of users and conversations do.
  {
    before: moveDevices,
    sql: `DROP INDEX device_by_last_seen;
      ALTER TABLE device DROP COLUMN name;
      ALTER TABLE device DROP COLUMN last_seen;
      ALTER TABLE device RENAME TO device_number;`,
  },
  {
    sql: `CREATE TABLE conversation_word(
      word TEXT NOT NULL, conversation_no INTEGER NOT NULL, PRIMARY KEY(word, conversation_no)) WITHOUT ROWID;`,
    after: addTitleWords,
  },
  'CREATE TABLE sent_mark(position TEXT); INSERT INTO sent_mark VALUES(NULL);',
];

interface Step {
  /** Called before the step's transaction. Called again when a crash happened between the two. */
  readonly before?: (db: Database) => void;
  readonly sql: string;
  /** Called in the step's transaction. */
  readonly after?: (db: Database) => void;
}

/** Indexes the titles that were stored before titles could be searched. */
function addTitleWords(db: Database): void {
  const titled = db.query<{ no: number; title: string }, []>("SELECT no, title FROM conversation WHERE title <> ''");
  const add = db.prepare<unknown, [string, number]>(
    'INSERT INTO conversation_word(word, conversation_no) VALUES(?, ?)',
  );
  for (const { no, title } of titled.iterate()) for (const word of searchKeys(title)) add.run(word, no);
}

/** Migrates an empty file, or one of an earlier version, to this version. Throws for a file that this program cannot read. */
export function migrate(db: Database): void {
  const isNew = pragma(db, 'schema_version') === 0;
  if (!isNew) assertLayout(db);
  for (let next = pragma(db, 'user_version'); next < migrations.length; next++) {
    const listed = migrations[next] ?? '';
    const step: Step = typeof listed === 'string' ? { sql: listed } : listed;
    step.before?.(db);
    db.transaction(() => {
      db.run(step.sql);
      step.after?.(db);
      db.run(`PRAGMA application_id = ${applicationId}`);
      db.run(`PRAGMA user_version = ${next + 1}`);
    })();
  }
}

/** Throws an error that says what to do when the file has another layout. */
export function assertLayout(db: Database): void {
  const file = basename(db.filename);
  if (pragma(db, 'application_id') !== applicationId)
    throw new Error(
      `${file} has the layout of version 0.1 or is no directory: this version cannot read it. Start with another data folder (--data), or run the version that wrote it`,
    );
  if (pragma(db, 'user_version') > migrations.length)
    throw new Error(`${file} was written by a later version of this program: run that version`);
}

function pragma(db: Database, name: string): number {
  const row = db.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
  return row?.[name] ?? 0;
}
