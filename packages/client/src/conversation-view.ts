// What an application sees of a conversation, from the server's object and what this device has on top of it. Pure.

import { directMembers } from '@hongyan/protocol/direct';
import type { UserId } from '@hongyan/protocol/ids';
import type { Position } from '@hongyan/protocol/status';
import type { ClientMessage, ConversationView } from './api.ts';
import type { Conversation, Entry } from './wire.ts';

export interface ViewParts {
  readonly self: UserId;
  readonly receipts: ConversationView['receipts'];
  readonly toMessage: (entry: Entry) => ClientMessage;
}

export function viewOf(conversation: Conversation, { self, receipts, toMessage }: ViewParts): ConversationView {
  const { conversation_id, kind, title = '', member_count, last_seq, first_seq, last_message } = conversation;
  const { deliveredSeq, readSeq } = positionOf(conversation);
  const pair = directMembers(conversation_id);
  return {
    conversationId: conversation_id,
    kind,
    title,
    members: pair ? [pair[0] === self ? pair[1] : pair[0]] : (conversation.members ?? []),
    memberCount: member_count,
    role: conversation.role,
    createdAtMs: conversation.created_at,
    lastSeq: last_seq,
    firstSeq: first_seq,
    readSeq,
    deliveredSeq,
    unread: Math.max(0, last_seq - Math.max(readSeq, first_seq - 1)),
    ...(last_message ? { lastMessage: toMessage(last_message) } : {}),
    receipts,
  };
}

/** This user's position. */
export function positionOf({ delivered_seq, read_seq }: Conversation): Position {
  return { deliveredSeq: delivered_seq, readSeq: read_seq };
}
