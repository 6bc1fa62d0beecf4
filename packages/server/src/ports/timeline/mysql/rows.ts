// Converts entries to rows of `entry` and `entry_change`, and back.

import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { SqlValue } from '../../../adapters/mysql/session.ts';
import type { StoredEntry } from '../timeline.ts';

/** The columns of an entry except its conversation, with the alias of its table: "e.seq, …". */
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

/** The columns in the order of `valuesOf`. */
export const insertedColumns =
  'conversation_no, seq, month, shard, commit_no, msg_id, sender, client_msg_id, timestamp_ms, is_counted, count, target_seq, refs, content';

/** The storage location of an entry. */
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

/** The key of `message_key`. The sender comes first, so that the keys of a sender are adjacent. */
export const keyOf = ({ from, clientMsgId }: Pick<StoredEntry, 'from' | 'clientMsgId'>): string =>
  `${from.length}:${from}${clientMsgId}`;

/**
 * A table of constants named `p` to join with, so that one statement queries any number of places. Every row has a value for each column.
 * The first column usually identifies the row.
 */
export function placesTable(
  columns: readonly string[],
  rows: readonly SqlValue[][],
): { sql: string; values: SqlValue[] } {
  const first = `select ${columns.map((column) => `? ${column}`).join(', ')}`;
  const other = ` union all select ${columns.map(() => '?').join(', ')}`;
  return { sql: `(${first}${other.repeat(rows.length - 1)}) p`, values: rows.flat() };
}
