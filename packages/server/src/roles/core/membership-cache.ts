// Memberships near the hot path. Whoever changes one says so: this core itself, or another one over the bus.

import { spreadMs, systemRandom } from '@hongyan/base/random';
import { type ConversationId, type Seq, systemUserId, type UserId } from '@hongyan/protocol/ids';
import QuickLRU from 'quick-lru';
import type { MemberFacts } from '../../domain/membership.ts';
import type { ConversationRecord, MemberKey, MemberRecord } from '../../ports/directory/conversations.ts';
import type { Directory } from '../../ports/directory/directory.ts';
import type { Place } from '../../ports/timeline/timeline.ts';

export interface Membership {
  readonly conversation: ConversationRecord;
  readonly member: Pick<MemberRecord, 'role' | 'visibleFromSeq'>;
}

export type Members = readonly Pick<MemberRecord, 'userId' | 'visibleFromSeq'>[];

/** What the rules ask about a member. */
export const memberFacts = ({ conversation, member }: Membership): MemberFacts => ({
  kind: conversation.kind,
  rules: conversation.rules,
  role: member.role,
});

/** Positive answers only, bounded: the least recently used leave and are read again from the directory. */
export class MembershipCache {
  readonly #directory: Directory;
  readonly #ageMsMax: number;
  readonly #conversations: QuickLRU<ConversationId, ConversationRecord>;
  readonly #members: QuickLRU<string, Membership['member']>;
  /** From which seq on every member sees the conversation. */
  readonly #seenByAllFrom: QuickLRU<ConversationId, Seq>;
  /** For each read under way, the conversations that changed meanwhile: what it found of them may be old. */
  readonly #changedDuring = new Set<Set<ConversationId>>();
  /** Raised when all is forgotten. */
  #generation = 0;

  /** `ageMsMax`: where others change them too, and their word may be lost. */
  constructor(directory: Directory, { ageMsMax = Number.POSITIVE_INFINITY }: { readonly ageMsMax?: number } = {}) {
    this.#directory = directory;
    this.#ageMsMax = ageMsMax;
    this.#conversations = new QuickLRU({ maxSize: 100_000 });
    this.#members = new QuickLRU({ maxSize: 200_000 });
    this.#seenByAllFrom = new QuickLRU({ maxSize: 100_000 });
  }

  /** From memory alone: undefined means unknown. */
  peek(conversationId: ConversationId, userId: UserId): Membership | undefined {
    const member = this.#members.get(keyOf(conversationId, userId));
    if (member === undefined) return undefined;
    const conversation = this.#conversations.get(conversationId);
    return conversation && { conversation, member };
  }

  /** From memory alone: whether the conversation is there, under this id. */
  knows(conversationId: ConversationId): boolean {
    return this.#conversations.has(conversationId);
  }

  async get(conversationId: ConversationId, userId: UserId): Promise<Membership | undefined> {
    const cached = this.peek(conversationId, userId);
    if (cached) return cached;
    const [membership] = await this.getAll([{ conversationId, userId }]);
    return membership;
  }

  /** In the order asked; two questions to the directory, however many are asked for. */
  async getAll(keys: readonly MemberKey[]): Promise<readonly (Membership | undefined)[]> {
    const cached = keys.map(({ conversationId, userId }) => this.peek(conversationId, userId));
    const missing = keys.filter((_key, index) => cached[index] === undefined);
    if (missing.length === 0) return cached;
    const read = await this.#read(missing);
    let next = 0;
    return cached.map((membership) => membership ?? read[next++]);
  }

  /**
   * [E10] The members, `limit` at most, where `seq` is hidden from some of them; undefined where all see it. For a command of the
   * conversation, with those that change its members before it done.
   */
  async membersIfHidden({ conversationId, seq }: Place, limit: number): Promise<Members | undefined> {
    const known = this.#seenByAllFrom.get(conversationId);
    if (known !== undefined && known <= seq) return undefined;
    const members = await this.#directory.members({ conversationId, limit });
    const seenByAllFrom = members.reduce((latest, { visibleFromSeq }) => Math.max(latest, visibleFromSeq), 1) as Seq;
    this.#seenByAllFrom.set(conversationId, seenByAllFrom, { maxAge: spreadMs(this.#ageMsMax, systemRandom) });
    return seenByAllFrom <= seq ? undefined : members;
  }

  async #read(keys: readonly MemberKey[]): Promise<readonly (Membership | undefined)[]> {
    const changed = new Set<ConversationId>();
    this.#changedDuring.add(changed);
    const generation = this.#generation;
    try {
      const [conversations, members] = await Promise.all([
        this.#directory.getConversations([...new Set(keys.map((key) => key.conversationId))]),
        this.#directory.getMembers(keys),
      ]);
      return keys.map((key, index) => {
        const membership = membershipOf(key, conversations.get(key.conversationId), members[index]);
        if (membership && !changed.has(key.conversationId) && generation === this.#generation)
          this.#remember(key, membership);
        return membership;
      });
    } finally {
      this.#changedDuring.delete(changed);
    }
  }

  #remember({ conversationId, userId }: MemberKey, { conversation, member }: Membership): void {
    const maxAge = spreadMs(this.#ageMsMax, systemRandom);
    this.#conversations.set(conversationId, conversation, { maxAge });
    this.#members.set(keyOf(conversationId, userId), member, { maxAge });
  }

  /** Of reads under way too. */
  forgetAll(): void {
    this.#generation++;
    this.#conversations.clear();
    this.#members.clear();
    this.#seenByAllFrom.clear();
  }

  /** The conversation, and of its members these. */
  forget(conversationId: ConversationId, userIds: readonly UserId[]): void {
    for (const changed of this.#changedDuring) changed.add(conversationId);
    this.#conversations.delete(conversationId);
    this.#seenByAllFrom.delete(conversationId);
    for (const userId of userIds) this.#members.delete(keyOf(conversationId, userId));
  }
}

/** Stores find an id in any case of its letters; a conversation has one id here, the one it was created with. */
function membershipOf(
  key: MemberKey,
  conversation: ConversationRecord | undefined,
  member: MemberRecord | undefined,
): Membership | undefined {
  if (conversation?.conversationId !== key.conversationId) return undefined;
  const own = member?.userId === key.userId ? member : standInOf(conversation, key.userId);
  if (own === undefined) return undefined;
  const { role, visibleFromSeq } = own;
  return { conversation, member: { role, visibleFromSeq } };
}

/** [A26] The system counts as owner of every conversation but the direct ones of others, without being a member. */
export function standInOf({ conversationId, kind }: ConversationRecord, userId: UserId): MemberRecord | undefined {
  if (userId !== systemUserId || kind === 'direct') return undefined;
  const [role, visibleFromSeq, none] = ['owner' as const, 1 as Seq, 0 as Seq];
  return {
    conversationId,
    userId,
    role,
    visibleFromSeq,
    deliveredSeq: none,
    readSeq: none,
    sentSeq: none,
    updatedAtMs: 0,
  };
}

const keyOf = (conversationId: ConversationId, userId: UserId): string => `${conversationId}|${userId}`;
