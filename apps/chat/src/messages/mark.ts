// The sign of an own message: the status that came with it, or a later one that the receipts of the others give.

import type { ClientMessage, ConversationView, MessageStatus, Seq, UserId } from '@hongyan/client/api';
import { laterStatus, type Position, statusAt } from '@hongyan/protocol/status';

export type Mark = ClientMessage['status'];

const nowhere: Position = { deliveredSeq: 0 as Seq, readSeq: 0 as Seq };

/** The positions that all other members have reached. In large groups receipts are not pushed to every member; then the positions are unknown and the status stands. */
export function positionsOf(conversation: ConversationView, self: UserId): Position {
  const others = [...conversation.receipts].filter(([userId]) => userId !== self).map(([, receipt]) => receipt);
  if (others.length === 0 || others.length < conversation.memberCount - 1) return nowhere;
  return {
    deliveredSeq: Math.min(...others.map((receipt) => receipt.deliveredSeq)) as Seq,
    readSeq: Math.min(...others.map((receipt) => receipt.readSeq)) as Seq,
  };
}

export function markOf(message: ClientMessage, positions: Position): Mark {
  const { status, seq } = message;
  if (seq === undefined || status === 'queued' || status === 'failed') return status;
  return laterStatus<MessageStatus>(status, statusAt(seq, positions));
}
