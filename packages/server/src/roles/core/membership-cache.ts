// Memberships near the hot path. This core handles every command that changes them, so it knows when an entry is stale.

import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { LRUCache } from 'lru-cache';
import type { ConversationRecord, MemberKey, MemberRecord } from '../../ports/directory/conversations.ts';
import type { Directory } from '../../ports/directory/directory.ts';

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

  /** From memory alone: undefined means unknown. */
  peek(conversationId: ConversationId, userId: UserId): Membership | undefined {
    const member = this.#members.get(keyOf(conversationId, userId));
    if (member === undefined) return undefined;
    const conversation = this.#conversations.get(conversationId);
    return conversation && { conversation, member };
  }

  async get(conversationId: ConversationId, userId: UserId): Promise<Membership | undefined> {
    const cached = this.peek(conversationId, userId);
    if (cached) return cached;
    const [membership] = await this.getAll([{ conversationId, userId }]);
    return membership;
  }

  /** In the order asked; two questions to the directory, however many are asked for. */
  async getAll(keys: readonly MemberKey[]): Promise<readonly (Membership | undefined)[]> {
    const missing = keys.filter(({ conversationId, userId }) => this.peek(conversationId, userId) === undefined);
    if (missing.length > 0) {
      const [conversations, members] = await Promise.all([
        this.#directory.getConversations([...new Set(missing.map((key) => key.conversationId))]),
        this.#directory.getMembers(missing),
      ]);
      for (const member of members) {
        const conversation = member && conversations.get(member.conversationId);
        if (!conversation) continue;
        this.#conversations.set(member.conversationId, conversation);
        const { role, visibleFromSeq } = member;
        this.#members.set(keyOf(member.conversationId, member.userId), { role, visibleFromSeq });
      }
    }
    return keys.map(({ conversationId, userId }) => this.peek(conversationId, userId));
  }

  forgetConversation(conversationId: ConversationId): void {
    this.#conversations.delete(conversationId);
  }

  forgetMember(conversationId: ConversationId, userId: UserId): void {
    this.#members.delete(keyOf(conversationId, userId));
    this.#conversations.delete(conversationId);
  }
}

const keyOf = (conversationId: ConversationId, userId: UserId): string => `${conversationId}|${userId}`;
