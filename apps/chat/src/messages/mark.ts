// How far an own message has come: from its own status and from how far the others are.

import type { ClientMessage, ConversationView, UserId } from '@hongyan/client/api';

export type Mark = ClientMessage['status'];

/** Up to where all others have it. */
export interface Positions {
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

/** In large groups receipts are not pushed to everyone; then the positions say nothing and the message's status stands. */
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
