// One month of the timeline: a self-contained SQLite file. Dropping the month is deleting the file [M18].

import type { Database } from 'bun:sqlite';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Month, StoredEntry } from './timeline.ts';

export const schema = `
  CREATE TABLE IF NOT EXISTS conversation(no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS entry(n INTEGER PRIMARY KEY, conversation_no INTEGER NOT NULL, seq INTEGER NOT NULL, msg_id TEXT NOT NULL,
    sender TEXT NOT NULL, client_msg_id TEXT NOT NULL, timestamp INTEGER NOT NULL, content TEXT NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS entry_by_seq ON entry(conversation_no, seq);
  CREATE UNIQUE INDEX IF NOT EXISTS entry_by_key ON entry(client_msg_id, sender);
  CREATE UNIQUE INDEX IF NOT EXISTS entry_by_msg_id ON entry(msg_id);`;

export interface EntryRow {
  readonly n: number;
  readonly conversation_id: ConversationId;
  readonly seq: Seq;
  readonly msg_id: MsgId;
  readonly sender: UserId;
  readonly client_msg_id: ClientMsgId;
  readonly timestamp: number;
  readonly content: string;
}

export const entryColumns =
  'e.n, c.id AS conversation_id, e.seq, e.msg_id, e.sender, e.client_msg_id, e.timestamp, e.content';
export const entryTables = 'entry e JOIN conversation c ON c.no = e.conversation_no';

export function toStored(month: Month, row: EntryRow): StoredEntry {
  return {
    msgId: row.msg_id,
    conversationId: row.conversation_id,
    from: row.sender,
    clientMsgId: row.client_msg_id,
    timestampMs: row.timestamp,
    contentJson: row.content,
    seq: row.seq,
    position: positionOf(month, row.n),
  };
}

const rowsPerMonth = 2 ** 40;
const epochYear = 2020;

/** Months since 2020-01 above the row number: grows with every commit, below 2^53 until the year 2700. */
export function positionOf(month: Month, n: number): number {
  return ((Number(month.slice(0, 4)) - epochYear) * 12 + Number(month.slice(5)) - 1) * rowsPerMonth + n;
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

/** The last seq and position of a conversation in a month; null when it has none there. */
export function prepareLast(db: Database) {
  return db.prepare<{ seq: Seq; n: number }, [string]>(
    `SELECT seq, n FROM entry WHERE conversation_no = (SELECT no FROM conversation WHERE id = ?) ORDER BY seq DESC LIMIT 1`,
  );
}

export function prepareByKey(db: Database) {
  return db.prepare<EntryRow, [string, string]>(
    `SELECT ${entryColumns} FROM ${entryTables} WHERE e.client_msg_id = ? AND e.sender = ?`,
  );
}
