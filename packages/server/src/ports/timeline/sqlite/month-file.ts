// One month of the timeline: a self-contained SQLite file. Removing the month is deleting the file [M18].

import type { Database } from 'bun:sqlite';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { openWriter } from '../../../adapters/sqlite/open.ts';
import type { StoredEntry } from '../timeline.ts';
import { type PackedId, unpackId } from './packed-id.ts';

/** A month in UTC, "2026-11". */
export type Month = string;

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

export interface EntryRow {
  readonly seq: Seq;
  readonly p: number;
  readonly msg_id: PackedId;
  readonly sender: UserId;
  readonly client_msg_id: PackedId;
  readonly timestamp: number;
  readonly content: string;
  readonly count: number;
  readonly is_counted: number;
  readonly refs: string | null;
  readonly target_seq: Seq | null;
}

export const seqMax = 2 ** 32 - 1;

export function entryOf(row: EntryRow, conversationId: ConversationId): StoredEntry {
  return {
    msgId: unpackId(row.msg_id) as MsgId,
    conversationId,
    from: row.sender,
    clientMsgId: unpackId(row.client_msg_id) as ClientMsgId,
    timestampMs: row.timestamp,
    contentJson: row.content,
    seq: row.seq,
    isCounted: row.is_counted === 1,
    count: row.count,
    referencesJson: row.refs ?? undefined,
    targetSeq: row.target_seq ?? undefined,
  };
}

/** More than any month has. */
export const rowsPerMonth = 2 ** 40;
const epochYear = 2020;

/** Months since 2020-01 above `p`: grows with every commit of the whole store, below 2^53 until the year 2700. */
export function positionOf(month: Month, p: number): number {
  return ((Number(month.slice(0, 4)) - epochYear) * 12 + Number(month.slice(5)) - 1) * rowsPerMonth + p;
}

/** In UTC, so that it is the same everywhere. */
export function monthOf(timestampMs: number): Month {
  return new Date(timestampMs).toISOString().slice(0, 7);
}

export const monthPath = (folder: string, month: Month): string => join(folder, `timeline-${month}.db`);
export const headsPath = (folder: string): string => join(folder, 'heads.db');

/** Oldest first. */
export function listMonths(folder: string): Month[] {
  return readdirSync(folder)
    .flatMap((name) => name.match(/^timeline-(\d{4}-\d{2})\.db$/)?.[1] ?? [])
    .sort();
}

/** Whether its tables can be in the file: it is there and not empty. */
export function isWholeMonth(folder: string, month: Month): boolean {
  return (statSync(monthPath(folder, month), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

export function deleteMonth(folder: string, month: Month): void {
  for (const suffix of ['', '-wal', '-shm']) {
    const path = monthPath(folder, month) + suffix;
    if (existsSync(path)) rmSync(path);
  }
}

/** At a start that has found every month it needs: a crash may have come between the file of a month that was deleted and its log. */
export function deleteLeftLogs(folder: string): void {
  for (const name of readdirSync(folder)) {
    const file = name.match(/^(timeline-\d{4}-\d{2}\.db)-(?:wal|shm)$/)?.[1];
    if (file !== undefined && !existsSync(join(folder, file))) rmSync(join(folder, name));
  }
}
