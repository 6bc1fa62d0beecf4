// Conversations and entries as one member sees them. A whole page costs a fixed number of questions to the stores.

import type { Conversation } from '@hongyan/protocol/conversation';
import { directMembers } from '@hongyan/protocol/direct';
import type { Entry, MessageStatus } from '@hongyan/protocol/entry';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { statusAt, statusForSender } from '@hongyan/protocol/status';
import { unreadCount } from '../../domain/unread.ts';
import type { ConversationRecord, MemberRecord } from '../../ports/directory/conversations.ts';
import type { Head, StoredEntry } from '../../ports/timeline/timeline.ts';
import { summaryOf } from './conversation-frame.ts';
import type { CoreDeps } from './deps.ts';
import { toEntry } from './entry-view.ts';

/** The stored facts about one conversation of a reader. */
export interface ConversationFacts {
  readonly conversation: ConversationRecord;
  readonly member: MemberRecord;
  readonly head: Head;
}

export class ConversationViews {
  readonly #deps: Pick<CoreDeps, 'timeline' | 'directory' | 'limits'>;

  constructor(deps: Pick<CoreDeps, 'timeline' | 'directory' | 'limits'>) {
    this.#deps = deps;
  }

  /** In the order given, each with the bytes it takes at most. */
  async render(
    page: readonly ConversationFacts[],
  ): Promise<readonly { readonly view: Conversation; readonly bytes: number }[]> {
    const [last, members] = await Promise.all([
      this.#deps.timeline.lastEntries(page.map(({ head }) => head.conversationId)),
      this.membersOf(page.map(({ conversation }) => conversation)),
    ]);
    return page.map((facts) => {
      const { conversationId } = facts.head;
      const entry = last.get(conversationId);
      const view = viewOf(facts, members.get(conversationId), entry, this.#deps.limits);
      return { view, bytes: bytesOf(view, entry) };
    });
  }

  /** The members of those conversations that are small enough for receipts to be pushed or members to be listed. */
  async membersOf(
    conversations: readonly ConversationRecord[],
  ): Promise<ReadonlyMap<ConversationId, readonly MemberRecord[]>> {
    const { directory, limits } = this.#deps;
    const limit = Math.max(limits.receiptsPushMax, limits.membersInlineMax);
    const small = conversations.filter(({ memberCount }) => memberCount <= limit);
    if (small.length === 0) return new Map();
    const conversationIds = small.map(({ conversationId }) => conversationId);
    const members = await directory.membersOfMany({ conversationIds, limit });
    return members;
  }

  /** Entries with the status that positions give them for `reader`: one question, however many there are. */
  async entries(
    stored: readonly StoredEntry[],
    { conversation, reader }: { readonly conversation: ConversationRecord; readonly reader: UserId },
  ): Promise<Entry[]> {
    if (stored.length === 0) return [];
    const isCounted = conversation.memberCount <= this.#deps.limits.receiptsPushMax;
    const members = isCounted ? (await this.membersOf([conversation])).get(conversation.conversationId) : undefined;
    return stored.map((entry) => toEntry(entry, statusFor(entry, reader, members)));
  }
}

/** The reader's own messages have the status their recipients give them, others the reader's. Without positions it is `ack`. */
function statusFor(entry: StoredEntry, reader: UserId, members: readonly MemberRecord[] | undefined): MessageStatus {
  if (members === undefined) return 'ack';
  if (entry.from !== reader) {
    const own = members.find(({ userId }) => userId === reader);
    return own ? statusAt(entry.seq, own) : 'ack';
  }
  const others = members.filter(({ userId }) => userId !== entry.from);
  return statusForSender(entry.seq, others, others.length + 1);
}

function viewOf(
  { conversation, member, head }: ConversationFacts,
  members: readonly MemberRecord[] | undefined,
  entry: StoredEntry | undefined,
  { membersInlineMax, receiptsPushMax }: CoreDeps['limits'],
): Conversation {
  const { conversationId } = head;
  const listed = conversation.memberCount <= membersInlineMax ? members?.map(({ userId }) => userId) : undefined;
  const pair = directMembers(conversationId);
  const firstSeq = Math.max(head.firstSeq, member.visibleFromSeq) as Seq;
  const isVisible = entry !== undefined && entry.seq >= firstSeq;
  const positions = conversation.memberCount <= receiptsPushMax ? members : undefined;
  return {
    conversation_id: conversationId,
    ...summaryOf(conversation, pair ? [...new Set(pair)] : listed),
    last_seq: head.lastSeq,
    first_seq: firstSeq,
    delivered_seq: member.deliveredSeq,
    read_seq: member.readSeq,
    role: member.role,
    unread: unreadCount({ lastSeq: head.lastSeq, readSeq: member.readSeq, firstSeq }),
    ...(isVisible ? { last_message: toEntry(entry, statusFor(entry, member.userId, positions)) } : {}),
  };
}

/** Roughly what the JSON takes, without making it. */
function bytesOf(view: Conversation, entry: StoredEntry | undefined): number {
  return 700 + (view.last_message ? (entry?.contentJson.length ?? 0) : 0) + (view.members?.length ?? 0) * 40;
}
