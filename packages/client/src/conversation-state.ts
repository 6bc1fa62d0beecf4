// A conversation on this device: what was shown, what waits for a gap to close, and the positions of its members. Pure.

import { directMembers } from '@hongyan/protocol/direct';
import type { DownOf } from '@hongyan/protocol/down';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import { laterStatus, type Position } from '@hongyan/protocol/status';
import { type Anchor, withAnchor } from './anchors.ts';
import type { ClientMessage, ConversationView, MessageChange } from './api.ts';
import { applyChange } from './apply-change.ts';
import { positionOf, type Summary, viewOf } from './conversation-view.ts';
import { type ArrivedEntry, type EntryKind, kindOf } from './entry-kind.ts';
import { KeptMessages, type StoredKept } from './kept-messages.ts';
import { deleteWhere } from './map-entries.ts';
import { earlier, later, laterPosition, MemberPositions } from './member-positions.ts';
import { messageOf } from './message-of.ts';
import { roleAfter } from './own-role.ts';
import { nothingOwn, type OwnParts } from './private-state.ts';
import { type Standing, type StoredUnread, UnreadMessages } from './unread-messages.ts';
import type { Conversation, MessageStatus } from './wire.ts';

/** What is kept between runs. */
export interface StoredState {
  readonly conversation: Summary;
  readonly lastMessage: ClientMessage | undefined;
  readonly shownSeq: Seq;
  /** Messages up to shownSeq, where known. */
  readonly shownCount: number | undefined;
  readonly unread: StoredUnread;
  /** This user's position as the server last reported it. */
  readonly reported: Position;
  readonly anchors: readonly Anchor[];
  readonly receipts: readonly (readonly [UserId, Position])[];
  /** Absent: no messages. */
  readonly kept?: StoredKept;
}

/** What an entry, a page or a restored store lets the application see, each in seq order. */
export interface Shown {
  /** And notices. */
  readonly messages: readonly ClientMessage[];
  /** After the messages: some are of these. */
  readonly changes: readonly MessageChange[];
  /** [D5] Before the messages. */
  readonly gap?: SeqGap;
}

export interface SeqGap {
  readonly from: Seq;
  readonly to: Seq;
  /** The seqs were shown, and are void: the store was put back to an earlier state. */
  readonly isReset?: true;
}

export type EntryPage = Pick<Output<'catchUp'>, 'entries' | 'first_seq' | 'last_seq'>;

/** Entries that arrived before their predecessors. Beyond it they are dropped: the gap is read from the server anyway. */
const earlyMax = 1_000;
const none = 0 as Seq;
const nothing: Shown = { messages: [], changes: [] };

export class ConversationState {
  readonly kept: KeptMessages;
  readonly #self: UserId;
  #conversation: Summary;
  /** The newest, as it is now. */
  #lastMessage: ClientMessage | undefined;
  #shownSeq: Seq;
  #shownCount: number | undefined;
  readonly #unread: UnreadMessages;
  #reported: Position;
  #anchors: readonly Anchor[];
  readonly #early = new Map<Seq, ArrivedEntry>();
  readonly #others: MemberPositions;
  /** Set while the shown seqs may not be those of the server's store: the newest seq pushed since. */
  #doubt: { newestSeq: Seq } | undefined;
  /** What this user has set in private. */
  #own: OwnParts = nothingOwn;
  #view: ConversationView | undefined;

  private constructor(self: UserId, stored: StoredState) {
    this.#self = self;
    this.#conversation = stored.conversation;
    this.#lastMessage = stored.lastMessage;
    this.#shownSeq = stored.shownSeq;
    this.#shownCount = stored.shownCount;
    this.#unread = new UnreadMessages(stored.unread);
    this.#reported = stored.reported;
    this.#anchors = stored.anchors;
    this.#others = new MemberPositions(stored.receipts);
    this.kept = new KeptMessages(stored.shownSeq, stored.kept);
  }

  /** `shownSeq`: where showing begins; entries up to it are history. */
  static first(
    self: UserId,
    { conversation, shownSeq }: { readonly conversation: Conversation; readonly shownSeq: Seq },
  ): ConversationState {
    const last = conversation.last_message;
    const anchors = last !== undefined && last.seq <= shownSeq ? [{ seq: last.seq, msgId: last.msg_id }] : [];
    const state = new ConversationState(self, {
      conversation: summaryOf(conversation),
      lastMessage: undefined,
      shownSeq,
      shownCount: shownSeq === conversation.last_seq ? conversation.last_count : shownSeq === 0 ? 0 : undefined,
      unread: UnreadMessages.first(conversation),
      reported: positionOf(conversation),
      anchors,
      receipts: [],
    });
    state.#takeLast(conversation);
    return state;
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
  get lastCount(): number {
    return this.#conversation.last_count;
  }
  /** [D5] */
  get firstSeq(): Seq {
    return this.#conversation.first_seq;
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
    return this.#lastMessage?.timestampMs ?? this.#conversation.created_at;
  }

  /** The server's view, from sync or HTTP. Seqs and positions never go back [D7]; a position that the server lost is reported again. */
  merge(fresh: Conversation): void {
    const current = this.#conversation;
    const isNewer = fresh.last_seq >= current.last_seq;
    this.#reported = positionOf(fresh);
    this.#unread.report(fresh);
    this.#conversation = {
      ...summaryOf(fresh),
      last_seq: later(current.last_seq, fresh.last_seq),
      last_count: Math.max(current.last_count, fresh.last_count),
      first_seq: later(current.first_seq, fresh.first_seq),
      delivered_seq: later(current.delivered_seq, fresh.delivered_seq),
      read_seq: later(current.read_seq, fresh.read_seq),
    };
    if (isNewer) this.#takeLast(fresh);
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
      ...summaryOf(fresh),
      last_seq: later(fresh.last_seq, this.#doubt?.newestSeq ?? none),
      read_seq: later(fresh.read_seq, earlier(read_seq, commonSeq)),
      delivered_seq: later(fresh.delivered_seq, earlier(delivered_seq, commonSeq)),
    };
    this.#doubt = undefined;
    this.#unread.rewind(fresh, commonSeq);
    this.#takeLast(fresh);
    if (commonSeq < shownSeq) this.#skipTo(commonSeq);
    this.#anchors = this.#anchors.filter(({ seq }) => seq <= commonSeq);
    this.#early.clear();
    this.#others.keepOnly(commonSeq < shownSeq ? [] : (this.#members ?? []));
    this.#view = undefined;
    if (commonSeq >= shownSeq) return nothing;
    return { ...nothing, gap: { from: (commonSeq + 1) as Seq, to: shownSeq, isReset: true } };
  }

  /** [C1] A committed entry, pushed or from an ack: shown at once when its turn has come, kept while entries before it are missing; a repeated entry is ignored. */
  add(entry: ArrivedEntry): Shown {
    if (this.#doubt) {
      this.#doubt.newestSeq = later(this.#doubt.newestSeq, entry.seq);
      return nothing;
    }
    this.#saw(entry, kindOf(entry, undefined));
    const shown = { messages: [], changes: [] };
    if (entry.seq === this.#shownSeq + 1) this.#showFrom(entry, shown);
    else if (entry.seq > this.#shownSeq) this.#wait(entry);
    return shown;
  }

  /** There is an entry at `seq`, which has to be read. */
  reached(seq: Seq): void {
    if (this.#doubt) this.#doubt.newestSeq = later(this.#doubt.newestSeq, seq);
    else this.#conversation = { ...this.#conversation, last_seq: later(this.#conversation.last_seq, seq) };
    this.#view = undefined;
  }

  /** [C2] A page of entries that begins right after shownSeq. */
  addPage(page: EntryPage): Shown {
    const from = (this.#shownSeq + 1) as Seq;
    const hasGap = page.first_seq > from;
    if (hasGap) this.#skipTo((page.first_seq - 1) as Seq);
    const shown = { messages: [], changes: [] };
    for (const entry of page.entries) if (entry.seq === this.#shownSeq + 1) this.#showFrom(entry, shown);
    const { last_seq, first_seq } = this.#conversation;
    this.#conversation = {
      ...this.#conversation,
      last_seq: later(last_seq, page.last_seq),
      first_seq: later(first_seq, page.first_seq),
    };
    this.#view = undefined;
    return { ...shown, ...(hasGap ? { gap: { from, to: (page.first_seq - 1) as Seq } } : {}) };
  }

  /** A message that was read as history, as it is now: nothing of it is shown, but it may be an unread one. */
  readAsHistory(entry: ArrivedEntry): ClientMessage {
    const kind = kindOf(entry, undefined);
    this.#count(entry, kind);
    if (entry.recalled && entry.as_of_seq !== undefined) this.#unread.recalled(entry.seq, entry.as_of_seq);
    this.#view = undefined;
    return this.toMessage(entry);
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

  setOwn(own: OwnParts): void {
    this.#own = own;
    this.#view = undefined;
  }

  /** [E23] This user has read up to `seq`, and no one else learns of it. */
  readInPrivate(seq: Seq): void {
    this.#unread.sent(seq);
    this.#view = undefined;
  }

  toMessage(entry: ArrivedEntry): ClientMessage {
    return this.withStatus(messageOf(entry));
  }

  /** With what the positions of the others say of it now. */
  withStatus(message: ClientMessage): ClientMessage {
    const status = this.#statusOf(message);
    return status === message.status ? message : { ...message, status };
  }

  view(): ConversationView {
    this.#view ??= viewOf(this.#conversation, {
      self: this.#self,
      own: this.#own,
      receipts: this.#others.view(),
      unread: this.#unread.countOf(this.#standing),
      unreadMentions: this.#unread.mentionsOf(this.#standing),
      unreadAfterSeq: this.#unread.startOf(this.#standing),
      lastMessage: this.#lastMessage && this.withStatus(this.#lastMessage),
    });
    return this.#view;
  }

  toStored(): StoredState {
    return {
      conversation: this.#conversation,
      lastMessage: this.#lastMessage,
      shownSeq: this.#shownSeq,
      shownCount: this.#shownCount,
      unread: this.#unread.toStored(this.#standing),
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

  /** What an entry says whether or not its turn has come. */
  #saw(entry: ArrivedEntry, kind: EntryKind): void {
    const { last_seq, last_count } = this.#conversation;
    const count = entry.count ?? (kind === 'message' && entry.seq > last_seq ? last_count + 1 : 0);
    this.#conversation = {
      ...this.#conversation,
      last_seq: later(last_seq, entry.seq),
      last_count: Math.max(last_count, count),
    };
    if (kind === 'message' && entry.seq > (this.#lastMessage?.seq ?? none)) this.#lastMessage = messageOf(entry);
    this.#count(entry, kind);
    this.#view = undefined;
  }

  #count({ seq, from, content, count, mentions }: ArrivedEntry, kind: EntryKind): void {
    if (count !== undefined) this.#unread.counted(seq, count);
    if (mentions === 'all' || mentions?.includes(this.#self)) this.#unread.mentioned(seq);
    if (kind === 'message' && from === this.#self) this.#unread.sent(seq);
    if (kind === 'change' && content.type === 'hongyan.recall') this.#unread.recalled(content.target_seq as Seq, seq);
  }

  /** [C10] An ack has the content that was sent; the server's own frame, with what is stored, came before it. */
  #wait(entry: ArrivedEntry): void {
    const isKnown = entry.count === undefined && this.#early.has(entry.seq);
    if (!isKnown && this.#early.size < earlyMax) this.#early.set(entry.seq, entry);
  }

  #showFrom(first: ArrivedEntry, shown: { messages: ClientMessage[]; changes: MessageChange[] }): void {
    for (let next: ArrivedEntry | undefined = first; next; next = this.#early.get((this.#shownSeq + 1) as Seq)) {
      const kind = kindOf(next, this.#shownCount);
      const entry = this.#withCount(next, kind);
      this.#saw(entry, kind);
      this.#shownSeq = entry.seq;
      this.#shownCount = entry.count;
      this.#anchors = withAnchor(this.#anchors, { seq: entry.seq, msgId: entry.msg_id });
      this.#early.delete(entry.seq);
      const role = roleAfter(entry, this.#self);
      if (role) this.#conversation = { ...this.#conversation, role };
      if (kind === 'change') shown.changes.push(this.#changed(entry));
      else if (kind !== 'erased') shown.messages.push(this.toMessage(entry));
    }
  }

  /** An ack does not say the count: it follows from that of the entry before. */
  #withCount(entry: ArrivedEntry, kind: EntryKind): ArrivedEntry {
    if (entry.count !== undefined || this.#shownCount === undefined) return entry;
    return { ...entry, count: this.#shownCount + (kind === 'message' ? 1 : 0) };
  }

  #changed({ seq, from, content }: ArrivedEntry): MessageChange {
    const change = { seq, from, content };
    if (this.#lastMessage) this.#lastMessage = applyChange(this.#lastMessage, change, this.#self);
    return change;
  }

  /** In its present form: the changes in it are skipped when they are caught up with. */
  #takeLast({ last_message: last }: Conversation): void {
    this.#lastMessage = last && messageOf(last);
    if (last) this.#count(last, 'message');
    this.#view = undefined;
  }

  #skipTo(seq: Seq): void {
    this.#shownSeq = seq;
    this.#shownCount = seq === none ? 0 : undefined;
    deleteWhere(this.#early, (early) => early <= seq);
  }

  get #standing(): Standing {
    const { last_seq, last_count, read_seq, first_seq } = this.#conversation;
    return { lastSeq: last_seq, lastCount: last_count, readSeq: read_seq, firstSeq: first_seq };
  }

  /** Of this user's messages: what all others have reached, by the later of their positions here and the server's status. */
  #statusOf({ from, seq, status }: ClientMessage): ClientMessage['status'] {
    if (from !== this.#self || seq === undefined || status === 'queued' || status === 'failed') return status;
    const others = this.#members?.filter((userId) => userId !== this.#self);
    if (others === undefined) return status;
    return laterStatus<MessageStatus>(status, this.#others.statusForSender(seq, others));
  }

  /** undefined where not all members are listed. */
  get #members(): readonly UserId[] | undefined {
    return directMembers(this.id) ?? this.#conversation.members;
  }
}

function summaryOf({
  last_message: _last,
  unread: _unread,
  unread_mentions: _mentions,
  ...summary
}: Conversation): Summary {
  return summary;
}
