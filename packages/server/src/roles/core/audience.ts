// The topics that reach the members of a conversation.

import { directMembers } from '@hongyan/protocol/direct';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { privateTimelineOwner } from '@hongyan/protocol/private';
import QuickLRU from 'quick-lru';
import { conversationTopic, type Topic, userTopic } from '../../ports/event-bus/event-bus.ts';

/**
 * A direct conversation is published on the topics of its two users, and a private timeline on the topic of its owner. Any other
 * conversation has a topic, which its members follow.
 */
export function topicsOf(conversationId: ConversationId): readonly Topic[] {
  const owner = privateTimelineOwner(conversationId);
  if (owner !== undefined) return [userTopic(owner)];
  const pair = directMembers(conversationId);
  if (!pair) return [conversationTopic(conversationId)];
  return pair[0] === pair[1] ? [userTopic(pair[0])] : [userTopic(pair[0]), userTopic(pair[1])];
}

/** Topics without those of `userId`. A conversation's topic cannot be narrowed: it reaches all members. */
export function topicsOfOthers(conversationId: ConversationId, userId: UserId): readonly Topic[] {
  const pair = directMembers(conversationId);
  if (!pair) return [conversationTopic(conversationId)];
  return [...new Set(pair)].filter((member) => member !== userId).map(userTopic);
}

/** Caches the topics of active conversations, so that a message does not build, and hash, their names again. */
export class Audiences {
  /** Evicts the least recently used. */
  readonly #topics = new QuickLRU<ConversationId, readonly Topic[]>({ maxSize: 10_000 });

  topicsOf(conversationId: ConversationId): readonly Topic[] {
    const known = this.#topics.get(conversationId);
    if (known) return known;
    const topics = topicsOf(conversationId);
    this.#topics.set(conversationId, topics);
    return topics;
  }
}
