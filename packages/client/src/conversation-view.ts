// What an application sees of a conversation, from the server's object and what this device has on top of it. Pure.

import { directMembers } from '@hongyan/protocol/direct';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import { isArchived } from '@hongyan/protocol/private';
import type { Position } from '@hongyan/protocol/status';
import type { ClientMessage, ConversationRules, ConversationView } from './api.ts';
import type { OwnParts } from './private-state.ts';
import type { Conversation } from './wire.ts';

/** The server's object without what changes with each message. */
export type Summary = Omit<Conversation, 'last_message' | 'unread' | 'unread_mentions'>;

export interface ViewParts {
  readonly own: OwnParts;
  readonly self: UserId;
  readonly receipts: ConversationView['receipts'];
  readonly unread: number;
  readonly unreadMentions: number;
  readonly unreadAfterSeq: Seq;
  readonly lastMessage: ClientMessage | undefined;
}

export function viewOf(conversation: Summary, parts: ViewParts): ConversationView {
  const { self, own, receipts, unread, unreadMentions, unreadAfterSeq, lastMessage } = parts;
  const { conversation_id, kind, title = '', member_count, last_seq, first_seq } = conversation;
  const { deliveredSeq, readSeq } = positionOf(conversation);
  const { archivedCount, draft, ...shown } = own;
  const pair = directMembers(conversation_id);
  return {
    conversationId: conversation_id,
    kind,
    title,
    members: pair ? [pair[0] === self ? pair[1] : pair[0]] : (conversation.members ?? []),
    memberCount: member_count,
    role: conversation.role,
    rules: rulesOf(conversation),
    createdAtMs: conversation.created_at,
    lastSeq: last_seq,
    firstSeq: first_seq,
    readSeq,
    deliveredSeq,
    unread,
    unreadMentions,
    unreadAfterSeq,
    ...(lastMessage ? { lastMessage } : {}),
    receipts,
    ...shown,
    isArchived: isArchived({
      ...own,
      lastCount: conversation.last_count,
      lastMessageMs: lastMessage?.timestampMs ?? 0,
    }),
    ...(draft ? { draft } : {}),
  };
}

const rulesOf = ({ rules: { post, add, mention_all }, history_visible }: Summary): ConversationRules => ({
  post,
  add,
  mentionAll: mention_all,
  historyVisible: history_visible,
});

/** This user's position. */
export function positionOf({ delivered_seq, read_seq }: Summary): Position {
  return { deliveredSeq: delivered_seq, readSeq: read_seq };
}
