// Who is a member, kept near the hot path. The core is the only writer of memberships, so it knows when to forget.

import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { LRUCache } from 'lru-cache';
import type { ConversationRecord, Directory, MemberRecord } from '../../ports/directory/directory.ts';

export interface Membership {
  readonly conversation: ConversationRecord;
  readonly member: Pick<MemberRecord, 'role' | 'visibleFromSeq'>;
}

/** Positive answers only, bounded: the least recently used leave and are read again from the directory. */
export class MembershipCache {
  readonly #directory: Directory;
  readonly #conversations = new LRUCache<ConversationId, ConversationRecord>({ max: 100_000 });
  readonly #members = new LRUCache<string, Membership['member']>({ max: 200_000 });

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** Without awaiting, when known. */
  peek(conversationId: ConversationId, userId: UserId): Membership | undefined {
    const member = this.#members.get(`${conversationId}|${userId}`);
    if (member === undefined) return undefined;
    const conversation = this.#conversations.get(conversationId);
    return conversation && { conversation, member };
  }

  async get(conversationId: ConversationId, userId: UserId): Promise<Membership | undefined> {
    const known = this.peek(conversationId, userId);
    if (known) return known;
    const [conversation, member] = await Promise.all([
      this.conversation(conversationId),
      this.#directory.getMember({ conversationId, userId }),
    ]);
    if (!conversation || !member) return undefined;
    this.#members.set(`${conversationId}|${userId}`, { role: member.role, visibleFromSeq: member.visibleFromSeq });
    return { conversation, member };
  }

  async conversation(conversationId: ConversationId): Promise<ConversationRecord | undefined> {
    const known = this.#conversations.get(conversationId);
    if (known) return known;
    const conversation = await this.#directory.getConversation(conversationId);
    if (conversation) this.#conversations.set(conversationId, conversation);
    return conversation;
  }

  forgetConversation(conversationId: ConversationId): void {
    this.#conversations.delete(conversationId);
  }

  forgetMember(conversationId: ConversationId, userId: UserId): void {
    this.#members.delete(`${conversationId}|${userId}`);
    this.#conversations.delete(conversationId);
  }
}
