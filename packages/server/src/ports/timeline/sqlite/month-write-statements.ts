// The statements of a month's writer, except those of a drain.

import type { Database } from 'bun:sqlite';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { PendingErasure } from './erasure.ts';
import type { PackedId } from './packed-id.ts';

interface TailFileRow {
  readonly p: number;
  readonly conversation_id: ConversationId;
  readonly conversation_no: number;
  readonly seq: number;
  readonly sender_no: number;
  readonly client_msg_id: PackedId;
  readonly content_length: number;
  readonly count: number;
  readonly is_counted: number;
  readonly target_seq: number | null;
}

type TailInsert = [
  p: number,
  conversationNo: number,
  seq: number,
  msgId: PackedId,
  senderNo: number,
  clientMsgId: PackedId,
  timestamp: number,
  content: string,
  count: number,
  isCounted: number,
  refs: string | null,
  targetSeq: number | null,
];

export type WriteStatements = ReturnType<typeof prepareWrites>;

export function prepareWrites(db: Database) {
  return {
    append: db.prepare<unknown, TailInsert>(
      `INSERT INTO tail(p, conversation_no, seq, msg_id, sender_no, client_msg_id, timestamp, content, count, is_counted,
         refs, target_seq) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    mention: db.prepare<unknown, [number, number, number]>(
      'INSERT INTO mention(sender_no, n) VALUES(?1, (?2 << 32) | ?3)',
    ),
    // An erased message stays erased, whatever changes it later.
    setState: db.prepare<unknown, [number, number, number, string, number, number]>(
      `INSERT INTO message_state(n, as_of_seq, state, is_erased, is_pinned) VALUES((?1 << 32) | ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT DO UPDATE SET as_of_seq = excluded.as_of_seq, state = excluded.state,
         is_erased = is_erased OR excluded.is_erased, is_pinned = excluded.is_pinned`,
    ),
    remember: db.prepare<unknown, [number, number, number, number, string]>(
      'INSERT INTO pending_erasure(no, conversation_no, seq, by_seq, content) VALUES(?, ?, ?, ?, ?)',
    ),
    erasuresAfter: db.prepare<PendingErasure, [number]>(
      `SELECT e.no, c.id AS conversationId, e.seq, e.by_seq AS bySeq, e.content AS contentJson FROM pending_erasure e CROSS JOIN conversation c
       WHERE e.no > ? AND c.no = e.conversation_no ORDER BY e.no`,
    ),
    erasureBounds: db.prepare<{ first: number; last: number }, []>(
      'SELECT coalesce(min(no), 1) AS first, coalesce(max(no), 0) AS last FROM pending_erasure',
    ),
    forgetErasures: db.prepare<unknown, [number]>('DELETE FROM pending_erasure WHERE no <= ?'),
    findKey: db.prepare<{ n: number }, [PackedId, number]>(
      'SELECT n FROM by_key WHERE client_msg_id = ? AND sender_no = ?',
    ),
    findConversation: db.prepare<{ no: number }, [string]>('SELECT no FROM conversation WHERE id = ?'),
    addConversation: db.prepare<unknown, [string]>('INSERT INTO conversation(id) VALUES(?)'),
    findSender: db.prepare<{ no: number }, [string]>('SELECT no FROM sender WHERE id = ?'),
    addSender: db.prepare<unknown, [string]>('INSERT INTO sender(id) VALUES(?)'),
    tail: db.prepare<TailFileRow, []>(
      `SELECT t.p, c.id AS conversation_id, t.conversation_no, t.seq, t.sender_no, t.client_msg_id, length(t.content) AS content_length,
         t.count, t.is_counted, t.target_seq FROM tail t CROSS JOIN conversation c WHERE c.no = t.conversation_no ORDER BY t.p`,
    ),
  };
}
