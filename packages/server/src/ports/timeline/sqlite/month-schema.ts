// The tables of a month's file, and how a file of another layout is recognized.

import type { Database } from 'bun:sqlite';
import { openWriter } from '../../../adapters/sqlite/open.ts';

/**
 * `p` numbers the commits of the month from 1. `n` is conversation_no << 32 | seq: the entries of a conversation lie side by
 * side, and a seq that is given twice is refused by the primary key [D2]. Entries with a target lie in `change`, the others in
 * `entry`, so that a page of messages costs the same however often messages were changed. `target` is as `n`, with the target's seq.
 * `message_state` is beside the newest change of a message, not beside the message, which may be in an older month: its `n` is made
 * of this month's number of the conversation and the message's seq. The newest month that has a row for a message is right.
 * `mention` has a row for each user that an entry mentions, with the user's number among the senders, or 0 for all.
 * `pending_erasure` holds what was erased, by which entry, and is not gone from every byte of this file and the older ones yet.
 */
const schema = `
  CREATE TABLE IF NOT EXISTS conversation(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS sender(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS tail(p INTEGER PRIMARY KEY, conversation_no INTEGER NOT NULL, seq INTEGER NOT NULL, msg_id BLOB NOT NULL,
    sender_no INTEGER NOT NULL, client_msg_id BLOB NOT NULL, timestamp INTEGER NOT NULL, content TEXT NOT NULL,
    count INTEGER NOT NULL, is_counted INTEGER NOT NULL, refs TEXT, target_seq INTEGER);
  CREATE TABLE IF NOT EXISTS entry(n INTEGER PRIMARY KEY, p INTEGER NOT NULL, msg_id BLOB NOT NULL,
    sender_no INTEGER NOT NULL, client_msg_id BLOB NOT NULL, timestamp INTEGER NOT NULL, content TEXT NOT NULL,
    count INTEGER NOT NULL, is_counted INTEGER NOT NULL, refs TEXT);
  CREATE TABLE IF NOT EXISTS mention(sender_no INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(sender_no, n)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS mention_by_n ON mention(n);
  CREATE TABLE IF NOT EXISTS change(n INTEGER PRIMARY KEY, p INTEGER NOT NULL, msg_id BLOB NOT NULL,
    sender_no INTEGER NOT NULL, client_msg_id BLOB NOT NULL, timestamp INTEGER NOT NULL, content TEXT NOT NULL,
    count INTEGER NOT NULL, target INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS change_by_target ON change(target);
  CREATE TABLE IF NOT EXISTS message_state(n INTEGER PRIMARY KEY, as_of_seq INTEGER NOT NULL, state TEXT NOT NULL,
    is_erased INTEGER NOT NULL, is_pinned INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS erased_message ON message_state(n) WHERE is_erased;
  CREATE INDEX IF NOT EXISTS pinned_message ON message_state(n) WHERE is_pinned;
  CREATE TABLE IF NOT EXISTS pending_erasure(no INTEGER PRIMARY KEY, conversation_no INTEGER NOT NULL, seq INTEGER NOT NULL,
    by_seq INTEGER NOT NULL, content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS feed(p INTEGER PRIMARY KEY, n INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS by_msg_id(msg_id BLOB, n INTEGER, PRIMARY KEY(msg_id, n)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS by_key(client_msg_id BLOB, sender_no INTEGER, n INTEGER NOT NULL, PRIMARY KEY(client_msg_id, sender_no)) WITHOUT ROWID;`;

const layoutVersion = 3;

/** What is deleted or overwritten on this connection is overwritten by zeros on the disk too, but for copies that a sweep clears [E5]. */
export function openMonthWriter(path: string, options: Parameters<typeof openWriter>[1]): Database {
  const db = openWriter(path, options);
  db.run('PRAGMA secure_delete=ON');
  return db;
}

/** Makes the tables where they are missing. */
export function setUpMonth(db: Database, path: string): void {
  assertLayout(db, path);
  db.transaction(() => {
    db.run(schema);
    markLayout(db);
  }).immediate();
}

/** Throws for a file that another version wrote: its columns mean something else. Returns whether the file has its tables already. */
export function assertLayout(db: Database, path: string): boolean {
  const version = db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version ?? 0;
  if (version === layoutVersion) return true;
  const isEmpty = version === 0 && db.query('SELECT 1 FROM sqlite_schema LIMIT 1').get() === null;
  if (isEmpty) return false;
  throw new Error(
    `${path} has layout ${version} of the timeline, and this version of Hongyan reads layout ${layoutVersion} only: name an empty data folder by --data, or run the version that wrote it`,
  );
}

export function markLayout(db: Database): void {
  db.run(`PRAGMA user_version=${layoutVersion}`);
}
