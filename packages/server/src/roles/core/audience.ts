// The topics that reach everyone in a conversation.

import { directMembers } from '@hongyan/protocol/direct';
import type { DownOf } from '@hongyan/protocol/down';
import type { ClientMsgId, ConversationId, UserId } from '@hongyan/protocol/ids';
import QuickLRU from 'quick-lru';
import { type BusEvent, conversationTopic, type Topic, userTopic } from '../../ports/event-bus/event-bus.ts';

/** A direct conversation reaches its two users on their own topics, a private timeline its user, any other its members on the conversation's. */
export function topicsOf(conversationId: ConversationId): readonly Topic[] {
  if (conversationId.startsWith('u:')) return [userTopic(conversationId.slice(2) as UserId)];
  const pair = directMembers(conversationId);
  if (!pair) return [conversationTopic(conversationId)];
  return pair[0] === pair[1] ? [userTopic(pair[0])] : [userTopic(pair[0]), userTopic(pair[1])];
}

/** Remembers the topics of conversations in use: each message of one would make their texts, and the hashes of these, anew. */
export class Audiences {
  /** The least recently used leave. */
  readonly #topics = new QuickLRU<ConversationId, readonly Topic[]>({ maxSize: 10_000 });

  topicsOf(conversationId: ConversationId): readonly Topic[] {
    const known = this.#topics.get(conversationId);
    if (known) return known;
    const topics = topicsOf(conversationId);
    this.#topics.set(conversationId, topics);
    return topics;
  }
}

/** The same without `userId` where the topics allow it: a conversation's topic reaches all its members. */
export function topicsOfOthers(conversationId: ConversationId, userId: UserId): readonly Topic[] {
  const pair = directMembers(conversationId);
  if (!pair) return [conversationTopic(conversationId)];
  return [...new Set(pair)].filter((member) => member !== userId).map(userTopic);
}

/** [K10] Each to its sender alone. */
export const sentEvents = (
  commands: readonly {
    readonly conversationId: ConversationId;
    readonly from: UserId;
    readonly clientMsgId?: ClientMsgId | undefined;
  }[],
): BusEvent[] =>
  commands.flatMap(({ conversationId, from, clientMsgId }) => {
    if (clientMsgId === undefined) return [];
    const frame: DownOf<'sent'> = { type: 'sent', conversation_id: conversationId, client_msg_id: clientMsgId };
    return frameEvents([userTopic(from)], JSON.stringify(frame));
  });

export const frameEvents = (topics: readonly Topic[], frame: string): BusEvent[] =>
  topics.map((topic) => ({ type: 'frame', topic, frame }));
