// The sign of an own message: the status that came with it, or a later one that the receipts of the others give.

import type { ClientMessage, ConversationView, UserId } from '@hongyan/client/api';

export type Mark = ClientMessage['status'];

/** Positions that all other members have reached. */
export interface Positions {
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

/** In large groups receipts are not pushed to every member; then the positions are unknown and the status stands. */
export function positionsOf(conversation: ConversationView, self: UserId): Positions {
  const others = [...conversation.receipts].filter(([userId]) => userId !== self).map(([, receipt]) => receipt);
  if (others.length === 0 || others.length < conversation.memberCount - 1) return { deliveredSeq: 0, readSeq: 0 };
  return {
    deliveredSeq: Math.min(...others.map((receipt) => receipt.deliveredSeq)),
    readSeq: Math.min(...others.map((receipt) => receipt.readSeq)),
  };
}

export function markOf(message: ClientMessage, positions: Positions): Mark {
  const { status, seq } = message;
  if (seq === undefined || status === 'read') return status;
  if (seq <= positions.readSeq) return 'read';
  if (seq <= positions.deliveredSeq) return 'delivered';
  return status;
}
