// The directory's tables, as numbered steps that only go forward.

import type { Database } from 'bun:sqlite';

const migrations: readonly string[] = [
  `CREATE TABLE user(id TEXT PRIMARY KEY, display_name TEXT NOT NULL, created_at INTEGER NOT NULL, password_hash TEXT NOT NULL) WITHOUT ROWID;
   CREATE INDEX user_by_name ON user(display_name COLLATE NOCASE);
   CREATE INDEX user_by_id ON user(id COLLATE NOCASE);
   CREATE TABLE device(no INTEGER PRIMARY KEY, user_id TEXT NOT NULL, id TEXT NOT NULL, last_seen INTEGER NOT NULL, UNIQUE(user_id, id));
   CREATE TABLE conversation(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, title TEXT NOT NULL, created_at INTEGER NOT NULL, member_count INTEGER NOT NULL);
   CREATE TABLE member(conversation_no INTEGER NOT NULL, user_id TEXT NOT NULL, role TEXT NOT NULL, visible_from INTEGER NOT NULL,
     delivered_seq INTEGER NOT NULL, read_seq INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY(conversation_no, user_id),
     CHECK (0 <= read_seq AND read_seq <= delivered_seq)) WITHOUT ROWID;
   CREATE INDEX member_by_user ON member(user_id, conversation_no);
   CREATE TABLE receipt(device_no INTEGER NOT NULL, conversation_no INTEGER NOT NULL, delivered_seq INTEGER NOT NULL, read_seq INTEGER NOT NULL,
     PRIMARY KEY(device_no, conversation_no), CHECK (0 <= read_seq AND read_seq <= delivered_seq)) WITHOUT ROWID;`,
];

/** Brings a file of any earlier version to this one; refuses a file of a later one. */
export function migrate(db: Database): void {
  const { user_version: version } = db.query('PRAGMA user_version').get() as { user_version: number };
  if (version > migrations.length) throw new Error('the directory was written by a later version of this program');
  for (let next = version; next < migrations.length; next++) {
    db.transaction(() => {
      db.run(migrations[next] ?? '');
      db.run(`PRAGMA user_version = ${next + 1}`);
    })();
  }
}
