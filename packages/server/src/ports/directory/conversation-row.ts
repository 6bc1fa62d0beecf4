// A conversation as a row, the same in SQLite and MySQL.

import type { ConversationKind } from '@hongyan/protocol/conversation';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { Who } from '@hongyan/protocol/rules';
import type { ConversationRecord } from './conversations.ts';

export interface ConversationRow {
  readonly conversation_id: ConversationId;
  readonly kind: ConversationKind;
  readonly title: string;
  readonly created_at: number;
  readonly member_count: number;
  readonly is_history_visible: number;
  readonly who_posts: Who;
  readonly who_adds: Who;
  readonly who_mentions_all: Who;
}

export const toConversation = (row: ConversationRow): ConversationRecord => ({
  conversationId: row.conversation_id,
  kind: row.kind,
  title: row.title,
  createdAtMs: row.created_at,
  memberCount: row.member_count,
  isHistoryVisible: row.is_history_visible === 1,
  rules: { post: row.who_posts, add: row.who_adds, mention_all: row.who_mentions_all },
});

/** The columns of a conversation `c` except its id. */
export const conversationFacts =
  'c.kind, c.title, c.created_at, c.member_count, c.is_history_visible, c.who_posts, c.who_adds, c.who_mentions_all';
