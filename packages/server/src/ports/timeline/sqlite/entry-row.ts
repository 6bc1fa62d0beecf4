// An entry as a row of a month's file.

import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { StoredEntry } from '../timeline.ts';
import { type PackedId, unpackId } from './packed-id.ts';

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
