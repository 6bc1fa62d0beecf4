// What hongyan chat shows by itself: messages, marks, receipts, typing and the connection, at the client's events.

import type { Clock, Timer } from '@hongyan/base/clock';
import {
  applyChange,
  type Client,
  type ClientMessage,
  type ClientMsgId,
  type ConnectionState,
  type ConversationId,
  type MessageChange,
  type Seq,
  type ServerNotice,
  type UserId,
} from '@hongyan/client';
import { changeText, contentText, markOf, messageLine, nameOf, short, stateText } from './lines.ts';
import type { Names } from './names.ts';
import { printable } from './printable.ts';
import type { Screen } from './screen.ts';

const typingShownMs = 5_000;
/** Own messages whose marks may still change; older ones keep what they showed. */
const markedMax = 200;
/** Messages of which a change says when they were sent; of one before them it says "an earlier message". */
const changeableMax = 1_000;

export interface ShownOptions {
  readonly client: Client;
  readonly screen: Screen;
  readonly clock: Clock;
  readonly names: Names;
  /** Somebody looks at it: what it shows is reported as read. */
  readonly isWatched: boolean;
}

/** Messages of one conversation, ascending. */
export interface ScreenPage {
  readonly messages: readonly ClientMessage[];
  /** All messages from here to the last of them are among them. */
  readonly fromSeq: Seq;
}

/** An own message with the mark that it shows. */
interface Marked {
  readonly message: ClientMessage;
  readonly mark: string;
}

/** The conversation that is open, and what of it is on the screen. */
export class ConversationScreen {
  readonly #client: Client;
  readonly #screen: Screen;
  readonly #clock: Clock;
  readonly #names: Names;
  readonly isWatched: boolean;
  /** The conversations of the list that was printed last, by whose numbers they are opened. */
  listed: readonly ConversationId[] = [];
  #open: ConversationId | undefined;
  /** Of the open conversation: own messages and the marks they show. */
  readonly #marks = new Map<ClientMsgId, Marked>();
  #oldestSeq: Seq | undefined;
  #newestSeq = 0 as Seq;
  /** Of those that were shown. */
  readonly #origins = new Map<Seq, Pick<ClientMessage, 'from' | 'timestampMs'>>();
  /** What arrives while the first page is on its way: shown behind it, where it is not in it. */
  #held: { readonly seq: Seq | undefined; show(): void }[] | undefined;
  /** Notices of the server, each with its text. */
  readonly #told = new Set<string>();
  #lastState: ConnectionState['type'] = 'closed';
  #typing: { readonly who: UserId; readonly timer: Timer } | undefined;

  constructor({ client, screen, clock, names, isWatched }: ShownOptions) {
    this.#client = client;
    this.#screen = screen;
    this.#clock = clock;
    this.#names = names;
    this.isWatched = isWatched;
    client.on('state', (state) => this.#onState(state));
    client.on('message', (message) => this.#onMessage(message));
    client.on('changed', ({ conversationId, change }) => {
      if (change && conversationId === this.#open) this.#onChange(change);
    });
    client.on('outbox', (message) => this.#onOutbox(message));
    client.on('receipt', ({ conversation_id, user_id }) => {
      if (conversation_id === this.#open && user_id !== client.userId) this.#refreshMarks(user_id);
    });
    client.on('typing', ({ conversationId, userId }) => {
      if (conversationId === this.#open && userId !== client.userId) this.#showTyping(userId);
    });
    client.on('gap', ({ conversationId, from, to }) => {
      if (conversationId === this.#open) this.notice(`messages ${from} to ${to} are no longer available`);
    });
    client.on('notices', (notices) => this.#showNotices(notices));
    client.on('warning', ({ message }) => this.notice(printable(message)));
    client.on('left', ({ conversationId }) => {
      if (conversationId !== this.#open) return;
      this.notice('you are no longer a member of this conversation');
      this.close();
    });
  }

  get open(): ConversationId | undefined {
    return this.#open;
  }

  /** From here on all messages are on the screen. */
  get oldestSeq(): Seq | undefined {
    return this.#oldestSeq;
  }

  /** The first seq that was not reported as read: to all, or in private to the user's own devices. */
  get unreadFrom(): Seq {
    const view = this.#open && this.#client.conversation(this.#open);
    const upTo = this.#isPrivate ? view?.unreadAfterSeq : view?.readSeq;
    return ((upTo ?? 0) + 1) as Seq;
  }

  get lastOwn(): ClientMessage | undefined {
    return this.#ownMessages.at(-1)?.message;
  }

  /** Opens it with its newest page; a page that cannot be had leaves it open and empty, and rejects. */
  async show(conversationId: ConversationId, newest: () => Promise<ScreenPage>): Promise<void> {
    this.#open = conversationId;
    this.#oldestSeq = undefined;
    this.#newestSeq = 0 as Seq;
    this.#marks.clear();
    this.#origins.clear();
    this.#held = [];
    this.prompt();
    try {
      const page = await newest();
      const members = this.#client.conversation(conversationId)?.members ?? [];
      await this.#names.learn([...members, ...page.messages.map(({ from }) => from)]);
      if (this.#open !== conversationId) return;
      if (this.isWatched && page.fromSeq > this.unreadFrom)
        this.notice('there is more before this that you have not read: /history shows it, /read marks it as read');
      this.showPage(page);
    } finally {
      const shownUpTo = this.#newestSeq;
      const held = this.#held;
      this.#held = undefined;
      for (const { seq = 0, show } of held) if (seq > shownUpTo) show();
    }
  }

  close(): void {
    this.#open = undefined;
    this.prompt();
  }

  /** A page of the open conversation that ends where `oldestSeq` begins, or with its newest message. */
  showPage({ messages, fromSeq }: ScreenPage): void {
    for (const message of messages) this.#print(message);
    this.#oldestSeq = fromSeq;
    const last = messages.at(-1)?.seq ?? 0;
    if (last > this.#newestSeq) this.#newestSeq = last as Seq;
    this.#readAlong();
  }

  /** Reports all messages up to the newest that was shown as read, as the user has chosen in their settings, here or in another application. */
  read(): void {
    if (this.#open === undefined || this.#newestSeq < this.unreadFrom) return;
    if (!this.#isPrivate) return this.#client.markRead(this.#open, this.#newestSeq);
    // A refusal leaves it unread.
    this.#client.markReadInPrivate(this.#open, this.#newestSeq).catch(() => {});
  }

  /** [E3] A read position says what stood on a screen: it does not pass over what was left out here. */
  #readAlong(): void {
    if (this.isWatched && this.#oldestSeq !== undefined && this.#oldestSeq <= this.unreadFrom) this.read();
  }

  get #isPrivate(): boolean {
    return this.#client.settings().read_receipts === 'private';
  }

  notice(text: string): void {
    this.#screen.print(this.#screen.style(`* ${text}`, 'dim'));
  }

  prompt(): void {
    const view = this.#open && this.#client.conversation(this.#open);
    const where = view ? nameOf(view, this.#userName) : 'hongyan';
    const typing = this.#typing ? ` (${printable(this.#userName(this.#typing.who))} is typing)` : '';
    // A prompt of more rows than the window has would push out what is printed above it.
    this.#screen.prompt(`${short(where)}${typing}> `);
  }

  /** [B2] Each once; what is over or was taken back needs no line. */
  #showNotices(notices: readonly ServerNotice[]): void {
    for (const { id, text, severity } of notices) {
      const said = `${id} ${text}`;
      if (this.#told.has(said)) continue;
      this.#told.add(said);
      const words = `* ${severity === 'info' ? 'notice' : severity}: ${printable(text)}`;
      this.#screen.print(this.#screen.style(words, 'bold', severity === 'info' ? 'cyan' : 'yellow'));
    }
  }

  #onState(state: ConnectionState): void {
    // Each attempt passes through connecting: what counts is that the connection went and that it came back.
    const isNews = state.type === 'reconnecting' || state.type === 'online' || state.type === 'closed';
    const isRepeated = state.type === this.#lastState && state.type !== 'reconnecting';
    if (!isNews || isRepeated || (state.type === 'closed' && state.reason === 'on_purpose')) return;
    this.#lastState = state.type;
    this.notice(stateText(state, this.#clock.nowMs()));
  }

  #onMessage(message: ClientMessage): void {
    if (message.conversationId !== this.#open) {
      const view = this.#client.conversation(message.conversationId);
      const where = view ? nameOf(view, this.#userName) : message.conversationId;
      if (message.from !== this.#client.userId)
        this.notice(`${where}: ${printable(this.#userName(message.from))}: ${this.#shortText(message)}`);
      return;
    }
    if (this.#held) return void this.#held.push({ seq: message.seq, show: () => this.#onMessage(message) });
    if (this.#typing?.who === message.from) this.#hideTyping();
    if (this.#marks.has(message.clientMsgId) && message.from === this.#client.userId) this.#mark(message);
    else this.#print(message);
    if (message.seq === undefined) return;
    this.#newestSeq = message.seq;
    this.#readAlong();
  }

  #onChange(change: MessageChange): void {
    if (this.#held) return void this.#held.push({ seq: change.seq, show: () => this.#onChange(change) });
    for (const [key, { message, mark }] of this.#marks)
      this.#marks.set(key, { message: applyChange(message, change, this.#client.userId), mark });
    const target = this.#origins.get(change.content.target_seq as Seq);
    const told = changeText({ change, target, userName: this.#userName }, this.#screen.kind);
    if (told !== undefined) this.notice(told);
  }

  /** A pipe shows a message once it is durable or refused; a terminal shows it at once and updates its mark. */
  #onOutbox(message: ClientMessage): void {
    if (message.conversationId !== this.#open) {
      if (message.status === 'failed') this.notice(`${markOf(message, undefined)}: ${this.#shortText(message)}`);
    } else if (this.#marks.has(message.clientMsgId)) this.#mark(message);
    else if (this.#screen.kind === 'terminal' || message.status !== 'queued') this.#print(message);
  }

  #print(message: ClientMessage): void {
    const mark = message.from === this.#client.userId ? this.#markOf(message) : '';
    if (mark !== '') {
      this.#marks.set(message.clientMsgId, { message, mark });
      const [oldest] = this.#ownMessages;
      if (this.#marks.size > markedMax && oldest) this.#marks.delete(oldest.message.clientMsgId);
    }
    this.#screen.print(this.#line(message, mark), message.clientMsgId);
    this.#keepOrigin(message);
  }

  #keepOrigin({ seq, from, timestampMs }: ClientMessage): void {
    if (seq === undefined) return;
    this.#origins.set(seq, { from, timestampMs });
    const [first] = this.#origins.keys();
    if (this.#origins.size > changeableMax && first !== undefined) this.#origins.delete(first);
  }

  #mark(message: ClientMessage): void {
    this.#keepOrigin(message);
    const mark = this.#markOf(message);
    const before = this.#marks.get(message.clientMsgId)?.mark;
    this.#marks.set(message.clientMsgId, { message, mark });
    if (mark === before) return;
    const line = this.#line(message, mark);
    if (!this.#screen.replace(line, message.clientMsgId)) this.notice(`${mark}: ${this.#shortText(message)}`);
  }

  /** Those with marks in the order of the conversation, whichever page was shown last; those of the outbox behind them. */
  get #ownMessages(): Marked[] {
    const place = ({ message }: Marked) => message.seq ?? Number.MAX_SAFE_INTEGER;
    return [...this.#marks.values()].sort((a, b) => place(a) - place(b));
  }

  /** Positions are "up to": the mark of the newest message holds for those before it, so one line is enough. */
  #refreshMarks(reader: UserId): void {
    const changed = this.#ownMessages.filter(
      ({ message, mark }) => message.seq !== undefined && this.#markOf(message) !== mark,
    );
    const newest = changed.at(-1);
    for (const { message } of changed.slice(0, -1)) {
      this.#marks.set(message.clientMsgId, { message, mark: this.#markOf(message) });
    }
    if (!newest) return;
    const mark = this.#markOf(newest.message);
    this.#marks.set(newest.message.clientMsgId, { message: newest.message, mark });
    const line = this.#line(newest.message, mark);
    if (this.#screen.replace(line, newest.message.clientMsgId)) return;
    this.notice(`${printable(this.#userName(reader))}: ${mark} up to "${this.#shortText(newest.message)}"`);
  }

  #line(message: ClientMessage, mark: string): string {
    return messageLine({ message, mark, userName: this.#userName }, this.#screen);
  }

  #shortText(message: ClientMessage): string {
    return short(contentText(message, this.#userName));
  }

  readonly #userName = (userId: UserId): string => this.#names.of(userId);

  #markOf(message: ClientMessage): string {
    return markOf(message, this.#client.conversation(message.conversationId));
  }

  #showTyping(who: UserId): void {
    if (this.#screen.kind === 'plain') return;
    this.#typing?.timer.cancel();
    this.#typing = { who, timer: this.#clock.after(typingShownMs, () => this.#hideTyping()) };
    this.prompt();
  }

  #hideTyping(): void {
    this.#typing?.timer.cancel();
    this.#typing = undefined;
    this.prompt();
  }
}
