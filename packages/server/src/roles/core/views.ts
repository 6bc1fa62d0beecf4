// Conversations and pages as one member sees them: what is hidden from the member is reported as a raised first_seq [D5].

import { directMembers } from '@hongyan/protocol/direct';
import type { Conversation } from '@hongyan/protocol/entry';
import type { MessagePage } from '@hongyan/protocol/http';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { statusAt } from '../../domain/message.ts';
import { entryBytes, fittingCount } from '../../domain/page.ts';
import type { HistoryRequest, Outcome } from '../../ports/core/core.ts';
import type { ConversationRecord, MemberRecord } from '../../ports/directory/directory.ts';
import type { Head, StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';
import { toEntry } from './frames.ts';
import type { MembershipCache } from './membership-cache.ts';
import { notMember, ok, refused } from './outcome.ts';

const seq = (value: number) => value as Seq;

export function createViews(deps: CoreDeps, memberships: MembershipCache) {
  const { timeline, directory, limits } = deps;

  /** What each reader sees of these conversations, in the order given. */
  async function conversations(
    items: readonly { readonly conversation: ConversationRecord; readonly member: MemberRecord; readonly head: Head }[],
  ): Promise<Conversation[]> {
    const last = await timeline.lastEntries(items.map((item) => item.conversation.conversationId));
    return Promise.all(
      items.map(async ({ conversation, member, head }) => {
        const { conversationId } = conversation;
        const members = await inlineMembers(conversation);
        const entry = last.get(conversationId);
        const isVisible = entry !== undefined && entry.seq >= member.visibleFromSeq;
        return {
          conversation_id: conversationId,
          kind: conversation.kind,
          ...(conversation.title === '' ? {} : { title: conversation.title }),
          ...(members ? { members } : {}),
          member_count: conversation.memberCount,
          last_seq: head.lastSeq,
          first_seq: seq(Math.max(head.firstSeq, member.visibleFromSeq)),
          delivered_seq: member.deliveredSeq,
          read_seq: member.readSeq,
          unread: Math.max(0, head.lastSeq - Math.max(member.readSeq, member.visibleFromSeq - 1, head.firstSeq - 1)),
          ...(isVisible ? { last_message: await entryFor(entry, member.userId) } : {}),
        };
      }),
    );
  }

  async function one(conversationId: ConversationId, userId: UserId): Promise<Outcome<Conversation>> {
    const [conversation, member, [head]] = await Promise.all([
      directory.getConversation(conversationId),
      directory.getMember({ conversationId, userId }),
      timeline.heads([conversationId]),
    ]);
    if (!conversation || !member || !head) return notMember;
    const [view] = await conversations([{ conversation, member, head }]);
    return view ? ok(view) : notMember;
  }

  /** Direct members stand in the id itself; others are listed up to the inline limit. */
  async function inlineMembers(conversation: ConversationRecord): Promise<UserId[] | undefined> {
    const pair = directMembers(conversation.conversationId);
    if (pair) return [...new Set(pair)];
    if (conversation.memberCount > limits.membersInlineMax) return undefined;
    const { conversationId } = conversation;
    const members = await directory.members({ conversationId, limit: limits.membersInlineMax });
    return members.map((member) => member.userId);
  }

  /** With the status that positions give it: for one's own direct messages the other's, else one's own. */
  async function entryFor(entry: StoredEntry, reader: UserId) {
    const statusOf = await statuses(entry.conversationId, reader);
    return toEntry(entry, statusOf(entry));
  }

  /** In groups a message counts as delivered or read once all others have it; above the push limit only where-is tells. */
  async function statuses(conversationId: ConversationId, reader: UserId) {
    const conversation = await memberships.conversation(conversationId);
    if (!conversation || conversation.memberCount > limits.receiptsPushMax) return () => 'ack' as const;
    const members = await directory.members({ conversationId, limit: limits.receiptsPushMax });
    return (entry: StoredEntry) => {
      const others = members.filter((member) => member.userId !== entry.from);
      const own = members.find((member) => member.userId === reader);
      if (entry.from !== reader && own) return statusAt(entry.seq, own);
      return others.length === 0 ? 'ack' : statusAt(entry.seq, slowest(others));
    };
  }

  async function history(request: HistoryRequest): Promise<Outcome<MessagePage>> {
    const { userId, conversationId, afterSeq, beforeSeq } = request;
    if (afterSeq !== undefined && beforeSeq !== undefined)
      return refused('bad_request', 'give after_seq or before_seq, not both');
    const membership = await memberships.get(conversationId, userId);
    if (!membership) return notMember;
    const limit = Math.min(request.limit ?? 50, limits.pageMax);
    const { visibleFromSeq } = membership.member;
    const bound =
      afterSeq === undefined
        ? { beforeSeq: beforeSeq ?? seq(Number.MAX_SAFE_INTEGER) }
        : { afterSeq: seq(Math.max(afterSeq, visibleFromSeq - 1)) };
    const range = await timeline.range({ conversationId, limit, ...bound });
    const visible = visibleFromSeq > 1 ? range.entries.filter((entry) => entry.seq >= visibleFromSeq) : range.entries;
    const entries = fitting(visible, afterSeq === undefined ? 'newest' : 'oldest');
    const statusOf = await statuses(conversationId, userId);
    const isAtBeginning = visible.length < range.entries.length || visible[0]?.seq === visibleFromSeq;
    const hasMore = range.hasMore && (afterSeq !== undefined || !isAtBeginning);
    return ok({
      conversation_id: conversationId,
      entries: entries.map((entry) => toEntry(entry, statusOf(entry))),
      first_seq: seq(Math.max(range.firstSeq, visibleFromSeq)),
      last_seq: range.lastSeq,
      has_more: hasMore || entries.length < visible.length,
    });
  }

  /** Without holes: the ones next to the bound that was asked for. */
  function fitting(entries: readonly StoredEntry[], first: 'newest' | 'oldest'): readonly StoredEntry[] {
    const sizes = entries.map(entryBytes);
    if (first === 'oldest') return entries.slice(0, fittingCount(sizes, limits.pageBytesMax));
    return entries.slice(entries.length - fittingCount(sizes.toReversed(), limits.pageBytesMax));
  }

  return { conversations, one, entryFor, history, inlineMembers };
}

function slowest(members: readonly MemberRecord[]): { deliveredSeq: Seq; readSeq: Seq } {
  return {
    deliveredSeq: seq(Math.min(...members.map((member) => member.deliveredSeq))),
    readSeq: seq(Math.min(...members.map((member) => member.readSeq))),
  };
}
