// A conversation on this device: what was shown, what waits for a gap to close, and the positions of its members. Pure.

import { directMembers } from '@hongyan/protocol/direct';
import type { DownOf } from '@hongyan/protocol/down';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import { laterStatus, type Position } from '@hongyan/protocol/status';
import { type Anchor, withAnchor } from './anchors.ts';
import type { ClientMessage, ConversationView } from './api.ts';
import { positionOf, viewOf } from './conversation-view.ts';
import { earlier, later, laterPosition, MemberPositions } from './member-positions.ts';
import type { Conversation, Entry, MessageStatus } from './wire.ts';

/** What is kept between runs. */
export interface StoredState {
  readonly conversation: Conversation;
  readonly shownSeq: Seq;
  /** This user's position as the server last reported it. */
  readonly reported: Position;
  readonly anchors: readonly Anchor[];
  readonly receipts: readonly (readonly [UserId, Position])[];
}

/** What an entry, a page or a restored store lets the application see, in seq order. */
export interface Shown {
  readonly messages: readonly ClientMessage[];
  /** [D5] Before the messages. */
  readonly gap?: SeqGap;
}

export interface SeqGap {
  readonly from: Seq;
  readonly to: Seq;
  /** The seqs were shown, and are void: the store was put back to an earlier state. */
  readonly isReset?: true;
}

export type HistoryPage = Pick<Output<'history'>, 'entries' | 'first_seq' | 'last_seq'>;

/** Entries that arrived before their predecessors. Beyond it they are dropped: the gap is read from the server anyway. */
const earlyMax = 1_000;
const none = 0 as Seq;

export class ConversationState {
  readonly #self: UserId;
  #conversation: Conversation;
  #shownSeq: Seq;
  #reported: Position;
  #anchors: readonly Anchor[];
  readonly #early = new Map<Seq, Entry>();
  readonly #others: MemberPositions;
  /** Set while the shown seqs may not be those of the server's store: the newest seq pushed since. */
  #doubt: { newestSeq: Seq } | undefined;
  #view: ConversationView | undefined;

  private constructor(self: UserId, stored: StoredState) {
    this.#self = self;
    this.#conversation = stored.conversation;
    this.#shownSeq = stored.shownSeq;
    this.#reported = stored.reported;
    this.#anchors = stored.anchors;
    this.#others = new MemberPositions(stored.receipts);
  }

  /** `shownSeq`: where showing begins; entries up to it are history. */
  static first(
    self: UserId,
    { conversation, shownSeq }: { readonly conversation: Conversation; readonly shownSeq: Seq },
  ): ConversationState {
    const last = conversation.last_message;
    const anchors = last !== undefined && last.seq <= shownSeq ? [{ seq: last.seq, msgId: last.msg_id }] : [];
    const reported = positionOf(conversation);
    return new ConversationState(self, { conversation, shownSeq, reported, anchors, receipts: [] });
  }

  static restored(self: UserId, stored: StoredState): ConversationState {
    return new ConversationState(self, stored);
  }

  get id(): ConversationId {
    return this.#conversation.conversation_id;
  }
  /** Everything up to it was shown, or is no longer available. */
  get shownSeq(): Seq {
    return this.#shownSeq;
  }
  get lastSeq(): Seq {
    return this.#conversation.last_seq;
  }
  get readSeq(): Seq {
    return this.#conversation.read_seq;
  }
  /** Newest first. */
  get anchors(): readonly Anchor[] {
    return this.#anchors;
  }
  get isReadUnreported(): boolean {
    return this.#conversation.read_seq > this.#reported.readSeq;
  }
  get isDeliveredUnreported(): boolean {
    return this.#shownSeq > this.#reported.deliveredSeq;
  }
  get isBehind(): boolean {
    return this.#shownSeq < this.#conversation.last_seq;
  }
  get isDoubted(): boolean {
    return this.#doubt !== undefined;
  }
  /** By the server's times alone: a device's clock may be wrong. */
  get activityMs(): number {
    const { last_message, created_at } = this.#conversation;
    return last_message?.timestamp ?? created_at;
  }

  /** The server's view, from sync or HTTP. Seqs and positions never go back [D7]; a position that the server lost is reported again. */
  merge(fresh: Conversation): void {
    const current = this.#conversation;
    const isNewer = fresh.last_seq >= current.last_seq;
    this.#reported = positionOf(fresh);
    this.#conversation = {
      ...fresh,
      last_seq: later(current.last_seq, fresh.last_seq),
      first_seq: later(current.first_seq, fresh.first_seq),
      delivered_seq: later(current.delivered_seq, fresh.delivered_seq),
      read_seq: later(current.read_seq, fresh.read_seq),
      last_message: isNewer ? fresh.last_message : current.last_message,
    };
    this.#membersChanged();
  }

  changed(change: DownOf<'conversation'>['conversation']): void {
    const title = change.title ?? this.#conversation.title;
    this.#conversation = { ...this.#conversation, ...change, members: change.members, title };
    this.#membersChanged();
  }

  /** [C2] Another store may have answered: until `rewind`, entries are counted and not shown. */
  doubt(isDoubted: boolean): void {
    if (isDoubted) this.#doubt ??= { newestSeq: none };
    else this.#doubt = undefined;
  }

  /** [C2] Only up to `commonSeq` the server's timeline is what was shown: what follows is shown anew. */
  rewind(fresh: Conversation, commonSeq: Seq): Shown {
    const { read_seq, delivered_seq } = this.#conversation;
    const shownSeq = this.#shownSeq;
    this.#reported = positionOf(fresh);
    this.#conversation = {
      ...fresh,
      last_seq: later(fresh.last_seq, this.#doubt?.newestSeq ?? none),
      read_seq: later(fresh.read_seq, earlier(read_seq, commonSeq)),
      delivered_seq: later(fresh.delivered_seq, earlier(delivered_seq, commonSeq)),
    };
    this.#doubt = undefined;
    this.#shownSeq = earlier(shownSeq, commonSeq);
    this.#anchors = this.#anchors.filter(({ seq }) => seq <= commonSeq);
    this.#early.clear();
    this.#others.keepOnly(commonSeq < shownSeq ? [] : (this.#members ?? []));
    this.#view = undefined;
    if (commonSeq >= shownSeq) return { messages: [] };
    return { messages: [], gap: { from: (commonSeq + 1) as Seq, to: shownSeq, isReset: true } };
  }

  /** [C1] A committed entry, pushed or from an ack: shown at once when its turn has come, kept while entries before it are missing; a repeated entry is ignored. */
  add(entry: Entry): Shown {
    if (this.#doubt) {
      this.#doubt.newestSeq = later(this.#doubt.newestSeq, entry.seq);
      return { messages: [] };
    }
    this.#sawLast(entry);
    if (entry.seq > this.#shownSeq + 1 && this.#early.size < earlyMax) this.#early.set(entry.seq, entry);
    return { messages: entry.seq === this.#shownSeq + 1 ? this.#showFrom(entry) : [] };
  }

  /** [C2] A page of history that begins right after shownSeq. */
  addPage(page: HistoryPage): Shown {
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

  /** A position as the server reports it; true when it is new. */
  receipt(userId: UserId, position: Position): boolean {
    if (userId === this.#self) this.#reported = laterPosition(this.#reported, position);
    return this.advance(userId, position);
  }

  /** [D7] true when the position moved. Nothing is kept of members too many to be listed. */
  advance(userId: UserId, position: Position): boolean {
    if (userId !== this.#self) {
      if (this.#members === undefined || !this.#others.advance(userId, position)) return false;
    } else {
      const before = positionOf(this.#conversation);
      const { deliveredSeq, readSeq } = laterPosition(before, position);
      if (deliveredSeq === before.deliveredSeq && readSeq === before.readSeq) return false;
      this.#conversation = { ...this.#conversation, delivered_seq: deliveredSeq, read_seq: readSeq };
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
    this.#view ??= viewOf(this.#conversation, {
      self: this.#self,
      receipts: this.#others.view(),
      toMessage: (entry) => this.toMessage(entry),
    });
    return this.#view;
  }

  toStored(): StoredState {
    return {
      conversation: this.#conversation,
      shownSeq: this.#shownSeq,
      reported: this.#reported,
      anchors: this.#anchors,
      receipts: this.#others.toStored(),
    };
  }

  #membersChanged(): void {
    const members = this.#members;
    if (members) this.#others.keepOnly(members);
    this.#view = undefined;
  }

  #sawLast(entry: Entry): void {
    if (entry.seq < this.#conversation.last_seq) return;
    this.#conversation = { ...this.#conversation, last_seq: entry.seq, last_message: entry };
    this.#view = undefined;
  }

  #showFrom(first: Entry): ClientMessage[] {
    const shown: ClientMessage[] = [];
    for (let next: Entry | undefined = first; next; next = this.#early.get((this.#shownSeq + 1) as Seq)) {
      this.#shownSeq = next.seq;
      this.#anchors = withAnchor(this.#anchors, { seq: next.seq, msgId: next.msg_id });
      this.#early.delete(next.seq);
      shown.push(this.toMessage(next));
      // A message of this user is read, unless something before it is unread.
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

  /** Of this user's messages: what all others have reached, by the later of their positions here and the server's status. */
  #statusOf({ from, seq, status }: Entry): MessageStatus {
    if (from !== this.#self) return status;
    const others = this.#members?.filter((userId) => userId !== this.#self);
    return others === undefined ? status : laterStatus(status, this.#others.statusForSender(seq, others));
  }

  /** undefined where not all members are listed. */
  get #members(): readonly UserId[] | undefined {
    return directMembers(this.id) ?? this.#conversation.members;
  }
}
