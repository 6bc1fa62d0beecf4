// The loaded part of one conversation's timeline: a window of committed messages without holes, and what waits in the outbox.

import type {
  Client,
  ClientMessage,
  ConversationId,
  HistoryPage,
  HistoryRequest,
  MessageChange,
  Seq,
  UserId,
} from '@hongyan/client/api';
import { eachFrame } from './each-frame.ts';
import { Signal } from './signal.ts';
import { type Arrived, extend, join, missing } from './window.ts';

/** Messages per request; the server may cut it. */
const pageMessages = 100;
/** Read messages shown above the first unread one, for context. */
const contextMessages = 20;
/** Messages kept beyond a hole in what is loaded. */
const aheadMax = 500;

export interface TimelineView {
  /** Ascending by seq. */
  readonly messages: readonly ClientMessage[];
  /** Queued, failed, or acked before the messages that stand between were seen; shown after the newest message. */
  readonly waiting: readonly ClientMessage[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
  /** [D5] The first available seq; above 1 earlier messages were removed or are hidden. */
  readonly firstSeq: number;
  readonly phase: 'empty' | 'loading' | 'ready' | 'failed';
  /** Grows when reading begins anew: where it begins is decided with the messages of that window. */
  readonly opening: number;
  readonly loading: Side | undefined;
  /** Sides whose next page could not be had when it was last asked for: asked again when the connection is back. */
  readonly failed: readonly Side[];
  /** Messages after the newest one here are known, and did not arrive. */
  readonly isBehind: boolean;
  /** The unread messages begin before what this device kept: what is shown says nothing of what was read. */
  readonly skipsUnread: boolean;
  /** A message that was to be shown and could not be loaded: tried again when the connection is back. */
  readonly missedTarget: Seq | undefined;
  /** The message that was to be shown is not kept any more, or was never this user's to read. */
  readonly isTargetGone: boolean;
}

export type Side = 'older' | 'newer';

type Bound = Pick<HistoryRequest, 'beforeSeq' | 'afterSeq'>;

const nothing: TimelineView = {
  messages: [],
  waiting: [],
  hasOlder: false,
  hasNewer: false,
  firstSeq: 1,
  phase: 'empty',
  opening: 0,
  loading: undefined,
  failed: [],
  isBehind: false,
  skipsUnread: false,
  missedTarget: undefined,
  isTargetGone: false,
};

export class Timeline {
  readonly view: Signal<TimelineView>;
  /** A message that is to be shown; undefined once it is. */
  readonly target = new Signal<Seq | undefined>(undefined);
  readonly #client: Client;
  readonly #conversationId: ConversationId;
  readonly #self: UserId;
  #now: TimelineView;
  /** The window is what this device kept, and what it missed is not complete yet: that does not move the window. */
  #isKept = false;
  /** The window was opened where reading begins, and nobody asked for another since. */
  #isAtUnread = false;
  /** Up to here the window is complete: what follows continues it. */
  #throughSeq = 0;
  /** Messages and changes that arrived while a page was on its way, or beyond the window. */
  #ahead: Arrived[] = [];
  /** Seqs of messages with changes of this user that wait for their ack. */
  readonly #pending = new Set<number>();
  /** Own messages whose ack came before their turn in the timeline. */
  #acked: ClientMessage[] = [];
  #isLoading = false;
  /** Counts windows: each load of a first page begins a new one. */
  #windows = 0;
  /** A burst of messages is taken into the window together. */
  readonly #publish = eachFrame(() => {
    // Not while a page is on its way: a change of one of its messages, which it may not contain yet, is applied after it.
    if (this.#now.phase === 'ready' && !this.#now.loading && !this.#isKept) this.#takeAhead();
    const isBehind = this.#now.phase === 'ready' && !this.#now.hasNewer && this.#isBehind();
    this.#now = { ...this.#now, isBehind, waiting: this.#waiting() };
    this.view.set({ ...this.#now, messages: this.#withPending(this.#now.messages) });
  });

  constructor(client: Client, conversationId: ConversationId, self: UserId) {
    this.#client = client;
    this.#self = self;
    this.#conversationId = conversationId;
    this.#now = { ...nothing, waiting: client.outbox(conversationId) };
    this.view = new Signal(this.#now);
  }

  /**
   * Loads what is shown first: around the first unread message, else the newest page. Does nothing when that is there. Before this
   * client is online it is what the device kept; reading begins anew where others have written since, or all was read.
   */
  async open(): Promise<void> {
    const { phase } = this.#now;
    const isOnline = this.#isOnline;
    if (this.#isLoading || (phase === 'ready' && !(this.#isKept && isOnline))) return;
    const { unread = 0, unreadAfterSeq = 0, firstSeq = 1 } = this.#client.conversation(this.#conversationId) ?? {};
    const isAsBefore = this.#isKept && phase === 'ready' && !this.#beginsAnew(unread);
    this.#isKept = !isOnline;
    if (isAsBefore) return this.#publish();
    this.#now = { ...this.#now, opening: this.#now.opening + 1 };
    const contextSeq = Math.max(unreadAfterSeq - contextMessages, firstSeq - 1, 0) as Seq;
    const unreadBounds = [{ afterSeq: contextSeq }, { afterSeq: unreadAfterSeq as Seq }];
    const bound = await this.#load(unread > 0 ? [...unreadBounds, {}] : [{}]);
    this.#isAtUnread = unread > 0;
    const first = this.#now.messages[0]?.seq ?? 0;
    const isCut = unread > 0 && bound !== undefined && bound.afterSeq === undefined;
    this.#put({ skipsUnread: isCut && this.#now.hasOlder && first > unreadAfterSeq + 1 });
    if (this.#isKept && this.#isOnline) await this.open();
  }

  /** Has the message shown; loads the part of the timeline around it where that is not there. Without the message the window stays. */
  async show(seq: Seq): Promise<void> {
    this.#isAtUnread = false;
    const isLoaded = () => this.#now.messages.some((message) => message.seq === seq);
    let isMissed = false;
    let isTargetGone = false;
    if (!isLoaded() && !this.#isLoading) {
      const contextSeq = (Math.max(seq - contextMessages, this.#now.firstSeq) - 1) as Seq;
      const isThere = ({ messages }: HistoryPage) => {
        isTargetGone = !messages.some((message) => message.seq === seq);
        return !isTargetGone;
      };
      const bound = await this.#load([{ afterSeq: contextSeq }, { afterSeq: (seq - 1) as Seq }], isThere);
      isMissed = !bound && !isTargetGone;
      this.#caughtUp();
    }
    if (isLoaded()) this.target.set(seq);
    this.#put({ missedTarget: isMissed ? seq : undefined, isTargetGone });
  }

  /** The user no longer wants the message that could not be shown. */
  forgetTarget(): void {
    this.#put({ missedTarget: undefined, isTargetGone: false });
  }

  /** Drops the window and loads the newest page, when the window does not reach it already. */
  async openNewest(): Promise<void> {
    if (this.#isLoading || (this.#now.phase === 'ready' && !this.#now.hasNewer)) return;
    await this.#load([{}]);
    this.#caughtUp();
  }

  loadOlder(): Promise<void> {
    return this.#loadMore('older');
  }

  loadNewer(): Promise<void> {
    return this.#loadMore('newer');
  }

  /** Without a connection and without kept messages only the outbox is shown; the first page is loaded when it is back. */
  connectionChanged(): void {
    if (this.#isOnline) void this.#resume();
    else if (this.#now.phase !== 'ready' && !this.#isLoading) this.#put({ phase: this.#phaseWithout() });
  }

  /** Asks again for what could not be had. */
  async #resume(): Promise<void> {
    const { missedTarget } = this.#now;
    await this.open();
    if (missedTarget !== undefined) await this.show(missedTarget);
    else for (const side of this.#now.failed) await this.#loadMore(side);
  }

  /** A committed message, pushed or caught up with. */
  accept(message: ClientMessage): void {
    if (this.#now.phase === 'empty') return;
    if (message.seq !== undefined) this.#ahead.push({ seq: message.seq, message });
    this.#publish();
  }

  /** The message at `seq` was changed; without `change`, one of this user's began or ended to wait for its ack. */
  changed(seq: Seq, change: MessageChange | undefined): void {
    if (this.#now.phase === 'empty') return;
    if (change) this.#ahead.push({ seq: change.seq, change });
    else this.#pending.add(seq);
    this.#publish();
  }

  /** The outbox changed. An ack may come before or after the same message's push: the seq says that they are one. */
  outboxChanged(message: ClientMessage): void {
    if (message.seq !== undefined) this.#acked.push(message);
    this.#publish();
  }

  /** [D5] Messages up to `to` are no longer available. */
  gap(to: Seq): void {
    this.#throughSeq = Math.max(this.#throughSeq, to);
    this.#put({ firstSeq: Math.max(this.#now.firstSeq, to + 1) });
  }

  /** The messages from some seq on are void, because the store was put back: the window is loaded again. */
  reset(): void {
    this.#ahead = [];
    this.#acked = [];
    this.#windows++;
    this.#put({ ...nothing, opening: this.#now.opening });
    void this.open();
  }

  /**
   * Begins a new window with the first of the pages that can be had, and resolves with its bound; without one, or with one that is not
   * taken, the window stays.
   */
  async #load(
    bounds: readonly Bound[],
    isTaken: (page: HistoryPage) => boolean = () => true,
  ): Promise<Bound | undefined> {
    this.#isLoading = true;
    this.#isAtUnread = false;
    const window = this.#windows;
    const isWanted = () => window === this.#windows;
    this.#put({ phase: 'loading' });
    try {
      const { bound, page } = await this.#firstPage(bounds);
      if (!isWanted()) return undefined;
      if (!isTaken(page)) {
        this.#stay();
        return undefined;
      }
      this.#windows++;
      const hasNewer = bound.afterSeq !== undefined && page.hasMore;
      this.#reached(page, hasNewer);
      this.#put({
        messages: page.messages,
        firstSeq: page.firstSeq,
        hasOlder: bound.afterSeq === undefined ? page.hasMore : isBehindFirst(page),
        hasNewer,
        phase: 'ready',
        loading: undefined,
        failed: [],
        skipsUnread: false,
        missedTarget: undefined,
        isTargetGone: false,
      });
      return bound;
    } catch {
      // Offline or refused: shown with a way to try again, and tried again by itself when online.
      if (isWanted()) this.#stay();
      return undefined;
    } finally {
      this.#isLoading = false;
      if (this.#now.phase === 'empty') void this.open(); // it was void before it came
    }
  }

  #stay(): void {
    this.#put({ phase: this.#now.messages.length > 0 ? 'ready' : this.#phaseWithout() });
  }

  /** Without a connection only some are kept. */
  async #firstPage([bound = {}, ...others]: readonly Bound[]): Promise<{ bound: Bound; page: HistoryPage }> {
    try {
      return { bound, page: await this.#page(bound) };
    } catch (error) {
      if (others.length === 0 || this.#isOnline) throw error;
      return this.#firstPage(others);
    }
  }

  async #loadMore(side: Side): Promise<void> {
    const { messages: loaded, loading, phase, hasOlder, hasNewer } = this.#now;
    const isNewer = side === 'newer';
    const seq = loaded.at(isNewer ? -1 : 0)?.seq;
    if (loading || phase !== 'ready' || seq === undefined || !(isNewer ? hasNewer : hasOlder)) return;
    const window = this.#windows;
    this.#put({ loading: side });
    try {
      const page = await this.#page(isNewer ? { afterSeq: seq } : { beforeSeq: seq });
      if (window !== this.#windows) return; // the page belongs to a window that was left meanwhile
      if (isNewer) this.#reached(page, page.hasMore);
      const edge = isNewer ? { hasNewer: page.hasMore } : { hasOlder: page.hasMore };
      const messages = join(this.#now.messages, page.messages);
      const failed = this.#now.failed.filter((one) => one !== side);
      this.#put({ messages, firstSeq: page.firstSeq, ...edge, loading: undefined, failed });
    } catch {
      if (window !== this.#windows) return;
      // Asked again by the next scroll, and when the connection is back.
      this.#put({ loading: undefined, failed: [...new Set([...this.#now.failed, side])] });
    }
  }

  get #isOnline(): boolean {
    return this.#client.state.type === 'online';
  }

  /**
   * What came since is read from its beginning, unless the reader went elsewhere. Where nothing is unread any more (it was read on
   * another device, or here and not kept) the beginning is the newest message.
   */
  #beginsAnew(unread: number): boolean {
    const { hasNewer, skipsUnread } = this.#now;
    if (unread === 0) return this.#isAtUnread;
    const isWritten = this.#ahead.some(({ message }) => message !== undefined && message.from !== this.#self);
    return !hasNewer && (skipsUnread || isWritten);
  }

  /** A window that was loaded on purpose is not moved by what came while it was on its way. */
  #caughtUp(): void {
    if (this.#isOnline) this.#isKept = false;
    this.#publish();
  }

  #phaseWithout(): 'loading' | 'failed' {
    const { type } = this.#client.state;
    return type === 'closed' || type === 'reconnecting' ? 'failed' : 'loading';
  }

  async #page(bound: Bound): Promise<HistoryPage> {
    const page = await this.#client.history({ conversationId: this.#conversationId, limit: pageMessages, ...bound });
    // Changes of an earlier run may wait too.
    for (const message of page.messages) {
      if (message.seq !== undefined && this.#client.withPending(message) !== message) this.#pending.add(message.seq);
    }
    return page;
  }

  /** A page that was the last one contains everything up to the conversation's end. */
  #reached({ messages, lastSeq }: HistoryPage, hasMore: boolean): void {
    this.#throughSeq = hasMore ? (messages.at(-1)?.seq ?? this.#throughSeq) : lastSeq;
  }

  /** Moves what continues the window into it; what is further ahead waits until paging reaches it. */
  #takeAhead(): void {
    const { messages, throughSeq, rest } = extend(this.#now.messages, {
      throughSeq: this.#throughSeq,
      arrived: this.#ahead,
      self: this.#self,
    });
    this.#throughSeq = throughSeq;
    // What is dropped here leaves a hole, and paging fills holes.
    this.#ahead = rest.slice(-aheadMax);
    const hasNewer = rest.length > 0 || (this.#now.hasNewer && this.#isBehind());
    this.#now = { ...this.#now, messages, hasNewer };
  }

  #isBehind(): boolean {
    return this.#throughSeq < (this.#client.conversation(this.#conversationId)?.lastSeq ?? 0);
  }

  #withPending(messages: readonly ClientMessage[]): readonly ClientMessage[] {
    if (this.#pending.size === 0) return messages;
    return messages.map((message) => {
      if (message.seq === undefined || !this.#pending.has(message.seq)) return message;
      const shown = this.#client.withPending(message);
      if (shown === message) this.#pending.delete(message.seq);
      return shown;
    });
  }

  #waiting(): readonly ClientMessage[] {
    const last = this.#now.messages.at(-1)?.seq ?? 0;
    this.#acked = this.#acked.filter((message) => (message.seq ?? 0) > last);
    return missing(this.#now.messages, [...this.#acked, ...this.#client.outbox(this.#conversationId)]);
  }

  #put(change: Partial<TimelineView>): void {
    this.#now = { ...this.#now, ...change };
    this.#publish();
  }
}

function isBehindFirst({ messages, firstSeq, lastSeq }: HistoryPage): boolean {
  return (messages[0]?.seq ?? lastSeq + 1) > Math.max(firstSeq, 1);
}
