// The loaded part of one conversation's timeline: a window of committed messages without holes, and what waits in the outbox.

import type { Client, ClientMessage, ConnectionState, ConversationId, Seq } from '@hongyan/client/api';
import { eachFrame } from './each-frame.ts';
import { Signal } from './signal.ts';
import { extend, join, missing } from './window.ts';

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
  readonly loading: 'older' | 'newer' | undefined;
}

type Page = Awaited<ReturnType<Client['history']>>;

export class Timeline {
  readonly view: Signal<TimelineView>;
  readonly #client: Client;
  readonly #conversationId: ConversationId;
  #now: TimelineView = {
    messages: [],
    waiting: [],
    hasOlder: false,
    hasNewer: false,
    firstSeq: 1,
    phase: 'empty',
    loading: undefined,
  };
  /** Committed messages that arrived while a page was on its way, or beyond the window. */
  #ahead: ClientMessage[] = [];
  /** Own messages whose ack came before their turn in the timeline. */
  #acked: ClientMessage[] = [];
  #isLoading = false;
  /** Counts windows: each load of a first page begins a new one. */
  #windows = 0;
  /** A burst of messages is taken into the window together. */
  readonly #publish = eachFrame(() => {
    if (this.#now.phase === 'ready') this.#takeAhead();
    this.#now = { ...this.#now, waiting: this.#waiting() };
    this.view.set(this.#now);
  });

  constructor(client: Client, conversationId: ConversationId) {
    this.#client = client;
    this.#conversationId = conversationId;
    this.#now = { ...this.#now, waiting: client.outbox(conversationId) };
    this.view = new Signal(this.#now);
  }

  /** Loads what is shown first: around the first unread message, else the newest page. Does nothing when that is there. */
  async open(): Promise<void> {
    const { phase, hasNewer } = this.#now;
    if (this.#isLoading || (phase === 'ready' && !hasNewer)) return;
    this.connection(this.#client.state);
    if (this.#client.state.type !== 'online') return;
    const conversation = this.#client.conversation(this.#conversationId);
    if (!conversation || conversation.unread === 0) return this.#load({});
    const { unread, readSeq, firstSeq } = conversation;
    const afterSeq = Math.max(readSeq - contextMessages, firstSeq - 1, 0) as Seq;
    if (unread > pageMessages - contextMessages) return this.#load({ afterSeq });
    await this.#load({});
    // A server may answer with fewer messages than asked for.
    const { messages, hasOlder } = this.#now;
    if (hasOlder && (messages[0]?.seq ?? 0) > readSeq + 1) await this.#load({ afterSeq });
  }

  /** Drops the window and loads the newest page, when the window does not reach it already. */
  async openNewest(): Promise<void> {
    if (this.#isLoading || (this.#now.phase === 'ready' && !this.#now.hasNewer)) return;
    await this.#load({});
  }

  async loadOlder(): Promise<void> {
    const { messages, hasOlder, loading, phase } = this.#now;
    const beforeSeq = messages[0]?.seq;
    if (!hasOlder || loading || phase !== 'ready' || beforeSeq === undefined) return;
    await this.#loadMore('older', { beforeSeq });
  }

  async loadNewer(): Promise<void> {
    const { messages, hasNewer, loading, phase } = this.#now;
    const afterSeq = messages.at(-1)?.seq;
    if (!hasNewer || loading || phase !== 'ready' || afterSeq === undefined) return;
    await this.#loadMore('newer', { afterSeq });
  }

  /** Without a connection only the outbox is shown; the first page is loaded when it is back. */
  connection(state: ConnectionState): void {
    if (this.#now.phase === 'ready' || this.#isLoading) return;
    const isComing = state.type !== 'closed' && state.type !== 'reconnecting';
    this.#put({ phase: isComing ? 'loading' : 'failed' });
  }

  /** A committed message, pushed or caught up with. */
  accept(message: ClientMessage): void {
    if (this.#now.phase === 'empty') return;
    this.#ahead.push(message);
    this.#publish();
  }

  /** The outbox changed. An ack may come before or after the same message's push: the seq says that they are one. */
  outboxChanged(message: ClientMessage): void {
    if (message.seq !== undefined) this.#acked.push(message);
    this.#publish();
  }

  /** [D5] Messages up to `to` are no longer available. */
  gap(to: Seq): void {
    this.#put({ firstSeq: Math.max(this.#now.firstSeq, to + 1) });
  }

  /** The messages from some seq on are void, because the store was put back: the window is loaded again. */
  reset(): void {
    this.#ahead = [];
    this.#acked = [];
    this.#windows++;
    this.#put({ messages: [], hasOlder: false, hasNewer: false, firstSeq: 1, phase: 'empty', loading: undefined });
    void this.open();
  }

  async #load(bound: { readonly afterSeq?: Seq }): Promise<void> {
    this.#isLoading = true;
    this.#windows++;
    this.#put({ phase: 'loading' });
    try {
      const page = await this.#page(bound);
      this.#put({
        messages: page.messages,
        firstSeq: page.firstSeq,
        ...edges(page.messages, page),
        phase: 'ready',
        loading: undefined,
      });
    } catch {
      // Offline or refused: shown with a way to try again, and tried again by itself when online.
      this.#put({ phase: this.#now.messages.length > 0 ? 'ready' : 'failed', loading: undefined });
    } finally {
      this.#isLoading = false;
    }
  }

  async #loadMore(side: 'older' | 'newer', bound: { beforeSeq?: Seq; afterSeq?: Seq }): Promise<void> {
    const window = this.#windows;
    this.#put({ loading: side });
    try {
      const page = await this.#page(bound);
      if (window !== this.#windows) return; // the page belongs to a window that was left meanwhile
      const messages = join(this.#now.messages, page.messages);
      const edge = edges(messages, page);
      this.#put({ messages, firstSeq: page.firstSeq, ...edge, loading: undefined });
    } catch {
      this.#put({ loading: undefined }); // asked again by the next scroll
    }
  }

  #page(bound: { readonly beforeSeq?: Seq; readonly afterSeq?: Seq }): Promise<Page> {
    return this.#client.history({ conversationId: this.#conversationId, limit: pageMessages, ...bound });
  }

  /** Moves messages that continue the window into it; those further ahead wait until paging reaches them. */
  #takeAhead(): void {
    const { messages, rest } = extend(this.#now.messages, this.#ahead);
    // What is dropped here leaves a hole, and paging fills holes.
    this.#ahead = rest.slice(-aheadMax);
    const hasNewer = rest.length > 0 || (this.#now.hasNewer && this.#isBehind(messages));
    this.#now = { ...this.#now, messages, hasNewer };
  }

  #isBehind(messages: readonly ClientMessage[]): boolean {
    const lastSeq = this.#client.conversation(this.#conversationId)?.lastSeq ?? 0;
    return (messages.at(-1)?.seq ?? 0) < lastSeq;
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

function edges(messages: readonly ClientMessage[], page: Page): Pick<TimelineView, 'hasOlder' | 'hasNewer'> {
  const first = messages[0]?.seq ?? page.lastSeq + 1;
  const last = messages.at(-1)?.seq ?? page.lastSeq;
  return { hasOlder: first > Math.max(page.firstSeq, 1), hasNewer: last < page.lastSeq };
}
