// Caches memberships for the hot path. This core, or another core over the bus, invalidates those that it changes.

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

/** The input of the rules about members. */
export const memberFacts = ({ conversation, member }: Membership): MemberFacts => ({
  kind: conversation.kind,
  rules: conversation.rules,
  role: member.role,
});

/** Caches only existing memberships, and evicts the least recently used. */
export class MembershipCache {
  readonly #directory: Directory;
  readonly #ageMsMax: number;
  readonly #conversations: QuickLRU<ConversationId, ConversationRecord>;
  readonly #members: QuickLRU<string, Membership['member']>;
  /** The seq from which on every member sees the conversation. */
  readonly #seenByAllFrom: QuickLRU<ConversationId, Seq>;
  /** For each read in flight, the conversations that changed since it began: its results for them may be stale. */
  readonly #changedDuring = new Set<Set<ConversationId>>();
  /** Incremented by `forgetAll`: results of earlier reads are not cached. */
  #generation = 0;

  /** `ageMsMax`: for several cores, whose invalidations may be lost. */
  constructor(directory: Directory, { ageMsMax = Number.POSITIVE_INFINITY }: { readonly ageMsMax?: number } = {}) {
    this.#directory = directory;
    this.#ageMsMax = ageMsMax;
    this.#conversations = new QuickLRU({ maxSize: 100_000 });
    this.#members = new QuickLRU({ maxSize: 200_000 });
    this.#seenByAllFrom = new QuickLRU({ maxSize: 100_000 });
  }

  /** Reads the cache only: undefined means unknown. */
  peek(conversationId: ConversationId, userId: UserId): Membership | undefined {
    const member = this.#members.get(keyOf(conversationId, userId));
    if (member === undefined) return undefined;
    const conversation = this.#conversations.get(conversationId);
    return conversation && { conversation, member };
  }

  /** Whether the conversation is in the cache, in this spelling of its id. */
  knows(conversationId: ConversationId): boolean {
    return this.#conversations.has(conversationId);
  }

  async get(conversationId: ConversationId, userId: UserId): Promise<Membership | undefined> {
    const cached = this.peek(conversationId, userId);
    if (cached) return cached;
    const [membership] = await this.getAll([{ conversationId, userId }]);
    return membership;
  }

  /** In the order of `keys`. Two queries to the directory, whatever the number of keys. */
  async getAll(keys: readonly MemberKey[]): Promise<readonly (Membership | undefined)[]> {
    const cached = keys.map(({ conversationId, userId }) => this.peek(conversationId, userId));
    const missing = keys.filter((_key, index) => cached[index] === undefined);
    if (missing.length === 0) return cached;
    const read = await this.#read(missing);
    let next = 0;
    return cached.map((membership) => membership ?? read[next++]);
  }

  /**
   * [E10] At most `limit` members, if `seq` is hidden from some of them; undefined: all members see it. Called within a command of the
   * conversation, after earlier commands that change its members.
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

  /** Invalidates everything, including the results of reads in flight. */
  forgetAll(): void {
    this.#generation++;
    this.#conversations.clear();
    this.#members.clear();
    this.#seenByAllFrom.clear();
  }

  /** Invalidates the conversation and these memberships. */
  forget(conversationId: ConversationId, userIds: readonly UserId[]): void {
    for (const changed of this.#changedDuring) changed.add(conversationId);
    this.#conversations.delete(conversationId);
    this.#seenByAllFrom.delete(conversationId);
    for (const userId of userIds) this.#members.delete(keyOf(conversationId, userId));
  }
}

/** Stores find ids case-insensitively. Here a conversation has only the id it was created with. */
function membershipOf(
  key: MemberKey,
  conversation: ConversationRecord | undefined,
  member: MemberRecord | undefined,
): Membership | undefined {
  if (conversation?.conversationId !== key.conversationId) return undefined;
  const found = member?.userId === key.userId ? member : standInOf(conversation, key.userId);
  if (found === undefined) return undefined;
  const { role, visibleFromSeq } = found;
  return { conversation, member: { role, visibleFromSeq } };
}

/** [A26] Without being a member, the system acts as an owner of every conversation that is not direct. */
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
