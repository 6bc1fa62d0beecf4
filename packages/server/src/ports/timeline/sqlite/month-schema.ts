// The tables of a month's file, and the check of its layout version.

import type { Database } from 'bun:sqlite';
import { openWriter } from '../../../adapters/sqlite/open.ts';

/**
 * `p` numbers the commits of the month from 1. `n` is conversation_no << 32 | seq. So the entries of a conversation are adjacent, and the
 * primary key rejects a seq that is assigned twice [D2].
 *
 * Entries with a target are in `change`, the others in `entry`, so that the cost of a page of messages does not depend on how often
 * messages were changed. `target` is like `n`, with the seq of the target.
 *
 * `message_state` is in the month of the newest change of a message, not in the month of the message. Its `n` consists of this month's
 * number of the conversation and the seq of the message. When several months have a state of a message, the newest month is right.
 *
 * `mention` has a row for each user that an entry mentions, with the user's number among the senders, or 0 for everyone.
 *
 * `pending_erasure` has the erasures whose old content may still be in some byte of this file or of older ones.
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

/** Deleted and overwritten content of this connection is overwritten with zeros on the disk, except copies that a sweep clears [E5]. */
export function openMonthWriter(path: string, options: Parameters<typeof openWriter>[1]): Database {
  const db = openWriter(path, options);
  db.run('PRAGMA secure_delete=ON');
  return db;
}

/** Creates missing tables. */
export function setUpMonth(db: Database, path: string): void {
  assertLayout(db, path);
  db.transaction(() => {
    db.run(schema);
    markLayout(db);
  }).immediate();
}

/** Throws for a file of another layout version. Returns whether the file has its tables already. */
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
