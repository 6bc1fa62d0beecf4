// One conversation as this device knows it: what was shown, what waits for a gap to close, and the positions of its members. Pure.

import { directMembers } from '@hongyan/protocol/direct';
import type { DownOf } from '@hongyan/protocol/down';
import type { Conversation, Entry, MessageStatus } from '@hongyan/protocol/entry';
import type { MessagePage } from '@hongyan/protocol/http';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { ClientMessage, ConversationView } from './api.ts';

interface Positions {
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/** What is kept between runs. */
export interface StoredState {
  readonly conversation: Conversation;
  readonly shownSeq: Seq;
  /** The read position that the server is known to have. */
  readonly confirmedReadSeq: Seq;
  readonly activityMs: number;
  readonly receipts: readonly (readonly [UserId, Positions])[];
}

/** What an entry or a page lets the application see, in seq order. */
export interface Shown {
  readonly messages: readonly ClientMessage[];
  /** [D5] Seqs that can no longer be had, before the messages. */
  readonly gap?: { readonly from: Seq; readonly to: Seq };
}

/** Entries that came before the ones they follow. Beyond it they are dropped: the gap is read from the server anyway. */
const earlyMax = 1_000;
const none = 0 as Seq;

export class ConversationState {
  readonly #self: UserId;
  #conversation: Conversation;
  #shownSeq: Seq;
  #confirmedReadSeq: Seq;
  #activityMs: number;
  readonly #early = new Map<Seq, Entry>();
  readonly #receipts: Map<UserId, Positions>;
  /** What was given out, until a position changes: a message must not cost a copy of them. */
  #receiptsShown: ReadonlyMap<UserId, Positions> | undefined;
  #view: ConversationView | undefined;

  private constructor(self: UserId, stored: StoredState) {
    this.#self = self;
    this.#conversation = stored.conversation;
    this.#shownSeq = stored.shownSeq;
    this.#confirmedReadSeq = stored.confirmedReadSeq;
    this.#activityMs = stored.activityMs;
    this.#receipts = new Map(stored.receipts);
  }

  /** `shownSeq`: where showing begins; entries up to it are history. */
  static first(
    self: UserId,
    facts: { readonly conversation: Conversation; readonly shownSeq: Seq; readonly nowMs: number },
  ): ConversationState {
    const { conversation, shownSeq, nowMs } = facts;
    const activityMs = conversation.last_message?.timestamp ?? nowMs;
    const confirmedReadSeq = conversation.read_seq;
    return new ConversationState(self, { conversation, shownSeq, confirmedReadSeq, activityMs, receipts: [] });
  }

  static restored(self: UserId, stored: StoredState): ConversationState {
    return new ConversationState(self, stored);
  }

  get id(): ConversationId {
    return this.#conversation.conversation_id;
  }
  /** Everything up to it was shown, or can no longer be had. */
  get shownSeq(): Seq {
    return this.#shownSeq;
  }
  get lastSeq(): Seq {
    return this.#conversation.last_seq;
  }
  get readSeq(): Seq {
    return this.#conversation.read_seq;
  }
  /** The server does not know yet what was read here. */
  get isReadUntold(): boolean {
    return this.#conversation.read_seq > this.#confirmedReadSeq;
  }
  get isDeliveredUntold(): boolean {
    return this.#shownSeq > this.#conversation.delivered_seq;
  }
  get isBehind(): boolean {
    return this.#shownSeq < this.#conversation.last_seq;
  }
  get activityMs(): number {
    return this.#activityMs;
  }

  /** The server's view of it, from sync or HTTP. Positions and seqs never go back [D7]. */
  merge(fresh: Conversation): void {
    const known = this.#conversation;
    const isNewer = fresh.last_seq >= known.last_seq;
    this.#confirmedReadSeq = later(this.#confirmedReadSeq, fresh.read_seq);
    this.#conversation = {
      ...fresh,
      last_seq: later(known.last_seq, fresh.last_seq),
      first_seq: later(known.first_seq, fresh.first_seq),
      delivered_seq: later(known.delivered_seq, fresh.delivered_seq),
      read_seq: later(known.read_seq, fresh.read_seq),
      last_message: isNewer ? fresh.last_message : known.last_message,
    };
    if (fresh.last_message) this.#activityMs = Math.max(this.#activityMs, fresh.last_message.timestamp);
    this.#view = undefined;
  }

  changed(change: DownOf<'conversation'>['conversation']): void {
    const { title, members, member_count, kind } = change;
    this.#conversation = { ...this.#conversation, kind, member_count, members };
    if (title !== undefined) this.#conversation = { ...this.#conversation, title };
    this.#view = undefined;
  }

  /** [C1] A committed entry, pushed or from an ack: shown at once when its turn has come, kept while entries before it are missing, else known already. */
  add(entry: Entry): Shown {
    this.#sawLast(entry);
    if (entry.seq > this.#shownSeq + 1 && this.#early.size < earlyMax) this.#early.set(entry.seq, entry);
    return { messages: entry.seq === this.#shownSeq + 1 ? this.#showFrom(entry) : [] };
  }

  /** [C2] A page of history that begins right after shownSeq. */
  addPage(page: Pick<MessagePage, 'entries' | 'first_seq' | 'last_seq'>): Shown {
    const from = (this.#shownSeq + 1) as Seq;
    const hasGap = page.first_seq > from;
    if (hasGap) this.#skipTo((page.first_seq - 1) as Seq);
    const messages: ClientMessage[] = [];
    for (const entry of page.entries) {
      this.#sawLast(entry);
      if (entry.seq === this.#shownSeq + 1) messages.push(...this.#showFrom(entry));
    }
    const { last_seq, first_seq } = this.#conversation;
    this.#conversation = {
      ...this.#conversation,
      last_seq: later(last_seq, page.last_seq),
      first_seq: later(first_seq, page.first_seq),
    };
    this.#view = undefined;
    return { messages, ...(hasGap ? { gap: { from, to: (page.first_seq - 1) as Seq } } : {}) };
  }

  /** Positions as the server tells them. */
  receipt(userId: UserId, positions: Positions): boolean {
    if (userId === this.#self) this.#confirmedReadSeq = later(this.#confirmedReadSeq, positions.readSeq);
    return this.advance(userId, positions);
  }

  /** [D7] true when it told something new. Nothing is kept of members that are too many to be listed. */
  advance(userId: UserId, positions: Positions): boolean {
    if (userId !== this.#self && this.#members === undefined) return false;
    const known = userId === this.#self ? this.#ownPositions() : (this.#receipts.get(userId) ?? nothing);
    const deliveredSeq = later(known.deliveredSeq, later(positions.deliveredSeq, positions.readSeq));
    const readSeq = later(known.readSeq, positions.readSeq);
    if (deliveredSeq === known.deliveredSeq && readSeq === known.readSeq) return false;
    if (userId === this.#self) {
      this.#conversation = { ...this.#conversation, delivered_seq: deliveredSeq, read_seq: readSeq };
    } else {
      this.#receipts.set(userId, { deliveredSeq, readSeq });
      this.#receiptsShown = undefined;
    }
    this.#view = undefined;
    return true;
  }

  toMessage(entry: Entry): ClientMessage {
    return {
      conversationId: entry.conversation_id,
      clientMsgId: entry.client_msg_id,
      from: entry.from,
      content: entry.content,
      timestampMs: entry.timestamp,
      seq: entry.seq,
      msgId: entry.msg_id,
      status: this.#statusOf(entry),
    };
  }

  view(): ConversationView {
    this.#view ??= this.#makeView();
    return this.#view;
  }

  toStored(): StoredState {
    return {
      conversation: this.#conversation,
      shownSeq: this.#shownSeq,
      confirmedReadSeq: this.#confirmedReadSeq,
      activityMs: this.#activityMs,
      receipts: [...this.#receipts],
    };
  }

  #sawLast(entry: Entry): void {
    if (entry.seq < this.#conversation.last_seq) return;
    this.#conversation = { ...this.#conversation, last_seq: entry.seq, last_message: entry };
    this.#activityMs = Math.max(this.#activityMs, entry.timestamp);
    this.#view = undefined;
  }

  #showFrom(first: Entry): ClientMessage[] {
    const shown: ClientMessage[] = [];
    for (let next: Entry | undefined = first; next; next = this.#early.get((this.#shownSeq + 1) as Seq)) {
      this.#shownSeq = next.seq;
      this.#early.delete(next.seq);
      shown.push(this.toMessage(next));
      // What oneself wrote is read by oneself, unless something before it is not.
      if (next.from === this.#self && this.#conversation.read_seq === next.seq - 1) {
        this.advance(this.#self, { deliveredSeq: next.seq, readSeq: next.seq });
      }
    }
    return shown;
  }

  #skipTo(seq: Seq): void {
    this.#shownSeq = seq;
    for (const early of this.#early.keys()) if (early <= seq) this.#early.delete(early);
  }

  /** For one's own messages the furthest that all others have; what the server said of it counts too. */
  #statusOf({ from, seq, status }: Entry): MessageStatus {
    if (from !== this.#self) return status;
    const others = this.#members?.filter((userId) => userId !== this.#self);
    if (others === undefined || others.length === 0) return status;
    const all = (of: (positions: Positions) => Seq) =>
      others.every((userId) => of(this.#receipts.get(userId) ?? nothing) >= seq);
    if (status === 'read' || all((positions) => positions.readSeq)) return 'read';
    return status === 'delivered' || all((positions) => positions.deliveredSeq) ? 'delivered' : 'ack';
  }

  /** undefined where not all members are known. */
  get #members(): readonly UserId[] | undefined {
    return directMembers(this.id) ?? this.#conversation.members;
  }

  #ownPositions(): Positions {
    return { deliveredSeq: this.#conversation.delivered_seq, readSeq: this.#conversation.read_seq };
  }

  #makeView(): ConversationView {
    this.#receiptsShown ??= new Map(this.#receipts);
    const { conversation_id, kind, title, member_count, last_seq, first_seq, last_message } = this.#conversation;
    const { deliveredSeq, readSeq } = this.#ownPositions();
    const pair = directMembers(conversation_id);
    return {
      conversationId: conversation_id,
      kind,
      title: title ?? '',
      members: pair ? [pair[0] === this.#self ? pair[1] : pair[0]] : (this.#conversation.members ?? []),
      memberCount: member_count,
      lastSeq: last_seq,
      firstSeq: first_seq,
      readSeq,
      deliveredSeq,
      unread: Math.max(0, last_seq - Math.max(readSeq, first_seq - 1)),
      ...(last_message ? { lastMessage: this.toMessage(last_message) } : {}),
      receipts: this.#receiptsShown,
    };
  }
}

const nothing: Positions = { deliveredSeq: none, readSeq: none };
const later = (a: Seq, b: Seq): Seq => (a >= b ? a : b);
