// Conversations and entries as one member sees them. A page takes a fixed number of queries, whatever its size.

import type { Conversation } from '@hongyan/protocol/conversation';
import { directMembers } from '@hongyan/protocol/direct';
import type { Entry, MessageStatus } from '@hongyan/protocol/entry';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { statusAt, statusForSender } from '@hongyan/protocol/status';
import { unreadFrom } from '@hongyan/protocol/unread';
import type { ConversationRecord, MemberRecord } from '../../ports/directory/conversations.ts';
import type { Head, MessageState, StoredEntry } from '../../ports/timeline/timeline.ts';
import { summaryOf } from './conversation-frame.ts';
import type { CoreDeps } from './deps.ts';
import { bytesOf, toEntry, toMessage } from './entry-view.ts';
import { readQuotes, repliedSeqs } from './quotes.ts';
import type { SentPositions } from './sent-positions.ts';

/** What a reader sees, with an estimate of its JSON size. */
export interface Rendered<T> {
  readonly view: T;
  readonly bytes: number;
}

/** What is stored about one conversation of a reader. */
export interface ConversationFacts {
  readonly conversation: ConversationRecord;
  readonly member: MemberRecord;
  readonly head: Head;
}

export class ConversationViews {
  readonly #deps: Pick<CoreDeps, 'timeline' | 'directory' | 'limits'>;
  readonly #sent: SentPositions;

  constructor(deps: Pick<CoreDeps, 'timeline' | 'directory' | 'limits'>, sent: SentPositions) {
    this.#deps = deps;
    this.#sent = sent;
  }

  /** In the order given. */
  async render(page: readonly ConversationFacts[]): Promise<readonly Rendered<Conversation>[]> {
    const [last, unread, members] = await Promise.all([
      this.#lastMessages(page),
      this.#deps.timeline.countAfter(page.map((facts) => this.#unreadFrom(facts))),
      this.membersOf(page.map(({ conversation }) => conversation)),
    ]);
    const mentions = await this.#unreadMentions(page, unread);
    return page.map((facts, index) => {
      const { conversationId } = facts.head;
      const message = last[index];
      const more = {
        members: members.get(conversationId),
        message,
        unread: unread[index] ?? 0,
        unreadMentions: mentions.get(conversationId) ?? 0,
      };
      const view = viewOf(facts, more, this.#deps.limits);
      return { view, bytes: conversationBytesOf(view, message?.entry) };
    });
  }

  /** In the order of the page; undefined: the conversation has no message. */
  async #lastMessages(page: readonly ConversationFacts[]): Promise<readonly (Message | undefined)[]> {
    const { timeline } = this.#deps;
    const ids = page.map(({ head }) => head.conversationId);
    const last = await timeline.lastCounted(ids);
    const entries = ids.map((id) => last.get(id));
    const states = await timeline.states(
      entries.flatMap((entry) =>
        entry ? [{ conversationId: entry.conversationId, fromSeq: entry.seq, throughSeq: entry.seq }] : [],
      ),
    );
    let next = 0;
    return entries.map((entry) => entry && { entry, state: states[next++]?.get(entry.seq) });
  }

  /** [E8] Queries only conversations with unread messages. */
  async #unreadMentions(
    page: readonly ConversationFacts[],
    unread: readonly number[],
  ): Promise<ReadonlyMap<ConversationId, number>> {
    const requests = page
      .filter((_, index) => (unread[index] ?? 0) > 0)
      .map((facts) => ({ ...this.#unreadFrom(facts), userId: facts.member.userId }));
    const counts = requests.length === 0 ? [] : await this.#deps.timeline.mentionsAfter(requests);
    return new Map(requests.map(({ conversationId }, index) => [conversationId, counts[index] ?? 0]));
  }

  #unreadFrom({ head, member }: ConversationFacts): { readonly conversationId: ConversationId; readonly seq: Seq } {
    const { readSeq, visibleFromSeq } = member;
    const sentSeq = this.#sent.of(member);
    return { conversationId: head.conversationId, seq: unreadFrom({ readSeq, sentSeq, firstSeq: visibleFromSeq }) };
  }

  /** The members of the conversations that are small enough to push receipts or to list members. */
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

  /** Consecutive messages in their present form, with the status that `reader` sees. */
  async messages(stored: readonly StoredEntry[], of: Reading): Promise<readonly Rendered<Entry>[]> {
    const [first, last] = [stored[0], stored.at(-1)];
    return first && last ? this.#messages(stored, of, [{ fromSeq: first.seq, throughSeq: last.seq }]) : [];
  }

  /** Messages at any places in their present form. States between these places are not read. */
  async scatteredMessages(stored: readonly StoredEntry[], of: Reading): Promise<Entry[]> {
    const spans = stored.map(({ seq }) => ({ fromSeq: seq, throughSeq: seq }));
    const messages = stored.length === 0 ? [] : await this.#messages(stored, of, spans);
    return messages.map(({ view }) => view);
  }

  async #messages(
    stored: readonly StoredEntry[],
    of: Reading,
    spans: readonly Span[],
  ): Promise<readonly Rendered<Entry>[]> {
    const { conversationId } = of.conversation;
    const { timeline } = this.#deps;
    const [members, found, quotes] = await Promise.all([
      this.#positionsOf(of.conversation),
      timeline.states(spans.map((span) => ({ conversationId, ...span }))),
      readQuotes(timeline, conversationId, repliedSeqs(stored)),
    ]);
    const { reader } = of;
    return stored.map((entry, index) => {
      // There is one span for all messages, or one per message.
      const state = found[Math.min(index, found.length - 1)]?.get(entry.seq);
      const view = toMessage(entry, { status: statusFor(entry, reader, members), reader, state, quotes });
      return { view, bytes: bytesOf(view, entry) };
    });
  }

  /** Entries as they were committed. */
  async entries(stored: readonly StoredEntry[], { conversation, reader }: Reading): Promise<Entry[]> {
    if (stored.length === 0) return [];
    const [members, quotes] = await Promise.all([
      this.#positionsOf(conversation),
      readQuotes(this.#deps.timeline, conversation.conversationId, repliedSeqs(stored)),
    ]);
    return stored.map((entry) => toEntry(entry, statusFor(entry, reader, members), quotes));
  }

  /** undefined: the conversation is too large to read each member's position. */
  async #positionsOf({
    conversationId,
    memberCount,
  }: ConversationRecord): Promise<readonly MemberRecord[] | undefined> {
    const { directory, limits } = this.#deps;
    if (memberCount > limits.receiptsPushMax) return undefined;
    return directory.members({ conversationId, limit: limits.receiptsPushMax });
  }
}

interface Reading {
  readonly conversation: ConversationRecord;
  readonly reader: UserId;
}

interface Span {
  readonly fromSeq: Seq;
  readonly throughSeq: Seq;
}

interface Message {
  readonly entry: StoredEntry;
  readonly state: MessageState | undefined;
}

/** Derived from the recipients' positions for messages of the reader, from the reader's position for others; `ack` without positions. */
function statusFor(entry: StoredEntry, reader: UserId, members: readonly MemberRecord[] | undefined): MessageStatus {
  if (members === undefined) return 'ack';
  if (entry.from !== reader) {
    const position = members.find(({ userId }) => userId === reader);
    return position ? statusAt(entry.seq, position) : 'ack';
  }
  const others = members.filter(({ userId }) => userId !== entry.from);
  return statusForSender(entry.seq, others, others.length + 1);
}

function viewOf(
  { conversation, member, head }: ConversationFacts,
  {
    members,
    message,
    unread,
    unreadMentions,
  }: {
    readonly members: readonly MemberRecord[] | undefined;
    readonly message: Message | undefined;
    readonly unread: number;
    readonly unreadMentions: number;
  },
  { membersInlineMax, receiptsPushMax }: CoreDeps['limits'],
): Conversation {
  const { conversationId } = head;
  const listed = conversation.memberCount <= membersInlineMax ? members?.map(({ userId }) => userId) : undefined;
  const pair = directMembers(conversationId);
  const firstSeq = Math.max(head.firstSeq, member.visibleFromSeq) as Seq;
  const isVisible = message !== undefined && message.entry.seq >= firstSeq;
  const positions = conversation.memberCount <= receiptsPushMax ? members : undefined;
  return {
    conversation_id: conversationId,
    ...summaryOf(conversation, pair ? [...new Set(pair)] : listed),
    last_seq: head.lastSeq,
    first_seq: firstSeq,
    delivered_seq: member.deliveredSeq,
    read_seq: member.readSeq,
    role: member.role,
    last_count: head.lastCount,
    unread,
    unread_mentions: unreadMentions,
    ...(isVisible ? { last_message: messageView(message, member.userId, positions) } : {}),
  };
}

function messageView({ entry, state }: Message, reader: UserId, positions: readonly MemberRecord[] | undefined): Entry {
  return toMessage(entry, { status: statusFor(entry, reader, positions), reader, state });
}

/** Estimates the JSON size without encoding it. */
function conversationBytesOf({ last_message, members = [] }: Conversation, stored: StoredEntry | undefined): number {
  return 400 + (last_message && stored ? bytesOf(last_message, stored) : 0) + members.length * 40;
}
