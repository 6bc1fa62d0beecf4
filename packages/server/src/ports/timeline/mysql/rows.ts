// Entries as rows of the tables `entry` and `entry_change`, and back.

import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { SqlValue } from '../../../adapters/mysql/session.ts';
import type { StoredEntry } from '../timeline.ts';

/** What a read needs of an entry beside its conversation, with the alias of its table: "e.seq, …". */
export const entryColumns = (alias: string): string =>
  ['seq', 'msg_id', 'sender', 'client_msg_id', 'timestamp_ms', 'is_counted', 'count', 'target_seq', 'refs', 'content']
    .map((column) => `${alias}.${column}`)
    .join(', ');

export interface EntryRow {
  readonly seq: number;
  readonly msg_id: Buffer;
  readonly sender: Buffer;
  readonly client_msg_id: Buffer;
  readonly timestamp_ms: number;
  readonly is_counted: number;
  readonly count: number;
  readonly target_seq: number | null;
  readonly refs: Buffer | null;
  readonly content: Buffer;
}

export function entryOf(row: EntryRow, conversationId: ConversationId): StoredEntry {
  return {
    msgId: row.msg_id.toString() as MsgId,
    conversationId,
    from: row.sender.toString() as UserId,
    clientMsgId: row.client_msg_id.toString() as ClientMsgId,
    timestampMs: row.timestamp_ms,
    contentJson: row.content.toString(),
    isCounted: row.is_counted === 1,
    seq: row.seq as Seq,
    count: row.count,
    referencesJson: row.refs?.toString(),
    targetSeq: row.target_seq === null ? undefined : (row.target_seq as Seq),
  };
}

/** The order in which `valuesOf` gives them. */
export const insertedColumns =
  'conversation_no, seq, month, shard, commit_no, msg_id, sender, client_msg_id, timestamp_ms, is_counted, count, target_seq, refs, content';

/** Where an entry is kept. */
export interface Storage {
  readonly conversationNo: number;
  readonly month: number;
  readonly shard: number;
  readonly commit: number;
}

export const valuesOf = (entry: StoredEntry, { conversationNo, month, shard, commit }: Storage): SqlValue[] => [
  conversationNo,
  entry.seq,
  month,
  shard,
  commit,
  entry.msgId,
  entry.from,
  entry.clientMsgId,
  entry.timestampMs,
  entry.isCounted ? 1 : 0,
  entry.count,
  entry.targetSeq ?? null,
  entry.referencesJson ?? null,
  entry.contentJson,
];

/** The key of `message_key`: the sender's own part first, so that its keys lie together. */
export const keyOf = ({ from, clientMsgId }: Pick<StoredEntry, 'from' | 'clientMsgId'>): string =>
  `${from.length}:${from}${clientMsgId}`;

/**
 * A table of constants to join with, named `p`: one statement asks for any number of places. Every row has a value for each column.
 * The first column is best a number of the row's, to know it by.
 */
export function placesTable(
  columns: readonly string[],
  rows: readonly SqlValue[][],
): { sql: string; values: SqlValue[] } {
  const first = `select ${columns.map((column) => `? ${column}`).join(', ')}`;
  const other = ` union all select ${columns.map(() => '?').join(', ')}`;
  return { sql: `(${first}${other.repeat(rows.length - 1)}) p`, values: rows.flat() };
}
