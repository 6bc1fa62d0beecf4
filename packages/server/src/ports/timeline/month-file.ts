// One month of the timeline: a self-contained SQLite file. Removing the month is deleting the file [M18].

import type { Database } from 'bun:sqlite';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { type PackedId, unpackId } from './packed-id.ts';
import type { StoredEntry } from './timeline.ts';

/** A month in UTC, "2026-11". */
export type Month = string;

/**
 * `p` numbers the commits of the month from 1. `n` is conversation_no << 32 | seq: the entries of a conversation lie side by
 * side, and a seq that is given twice is refused by the primary key [D2].
 */
const schema = `
  CREATE TABLE IF NOT EXISTS conversation(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS sender(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS tail(p INTEGER PRIMARY KEY, conversation_no INTEGER NOT NULL, seq INTEGER NOT NULL, msg_id BLOB NOT NULL,
    sender_no INTEGER NOT NULL, client_msg_id BLOB NOT NULL, timestamp INTEGER NOT NULL, content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS entry(n INTEGER PRIMARY KEY, p INTEGER NOT NULL, msg_id BLOB NOT NULL,
    sender_no INTEGER NOT NULL, client_msg_id BLOB NOT NULL, timestamp INTEGER NOT NULL, content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS feed(p INTEGER PRIMARY KEY, n INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS by_msg_id(msg_id BLOB, n INTEGER, PRIMARY KEY(msg_id, n)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS by_key(client_msg_id BLOB, sender_no INTEGER, n INTEGER NOT NULL, PRIMARY KEY(client_msg_id, sender_no)) WITHOUT ROWID;`;

const layoutVersion = 2;

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
}

export const entryColumns =
  'e.n & 4294967295 AS seq, e.p, e.msg_id, s.id AS sender, e.client_msg_id, e.timestamp, e.content';
export const tailColumns =
  't.seq, t.p, t.msg_id, s.id AS sender, t.client_msg_id, t.timestamp, t.content, c.id AS conversation_id';
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
