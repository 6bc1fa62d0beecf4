// Tabs of one browser profile are one device and share one WebSocket. The tab that holds a Web Lock leads: it has the WebSocket, and
// the others use it over BroadcastChannels. Each tab keeps a client of its own, which sees a connection like any other.

import type { Clock, Timer } from '@hongyan/base/clock';
import { closeCode } from '@hongyan/protocol/codes';
import type { DownOf } from '@hongyan/protocol/down';
import type { ClientMsgId, ConversationId, Seq } from '@hongyan/protocol/ids';
import type { WebSocketConstructor, WebSocketLike } from './client-options.ts';
import type { OutboxItem } from './client-storage.ts';
import { deadline } from './deadline.ts';
import { Follower } from './follower.ts';
import type { NetworkSignals } from './network-signals.ts';
import { RemoteSocket } from './remote-socket.ts';

export interface TabsOptions {
  /** Of the server, the user and the device. */
  readonly name: string;
  /** Absent where tabs cannot share: then each has its own WebSocket, and the server closes the older with 4203. */
  readonly locks: Locks | undefined;
  readonly webSocket: WebSocketConstructor;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly signals: NetworkSignals;
  /** Frames that the server sent after its welcome, for a tab that comes later. */
  readonly afterWelcome: () => readonly string[];
  /** Another tab leads now, or this one: the connection is to be opened anew. */
  readonly onMove: () => void;
  /** This tab leads after others did: it writes nothing until it has read what they wrote, and then sets `hasFollowed` back. Never rejects. */
  readonly onTakeOver: () => Promise<void>;
  /** A tab that used the connection of this one has closed, or is given up. */
  readonly onFollowerGone: () => void;
  /** The user has logged out in another tab. */
  readonly onLogout: () => void;
  /** The user has discarded a message in another tab. */
  readonly onDiscard: (clientMsgId: ClientMsgId) => void;
  /** The user has made a change in another tab that replaces one that waits. */
  readonly onReplace: (clientMsgId: ClientMsgId, by: OutboxItem) => void;
  /** The user has read without a connection in another tab. */
  readonly onRead: (conversationId: ConversationId, seq: Seq) => void;
}

/** What is used of a browser's Web Locks. Declared here: programs that compile for Node alone have no types of browsers. */
export interface Locks {
  request(name: string, run: (lock: unknown) => unknown): Promise<unknown>;
  request(name: string, how: HowToLock, run: (lock: unknown) => unknown): Promise<unknown>;
}

interface HowToLock {
  readonly ifAvailable?: boolean;
  readonly steal?: boolean;
  /** An AbortSignal. */
  readonly signal?: unknown;
}

/** To all tabs. */
type Notice =
  | { readonly type: 'join'; readonly id: string; readonly isVisible: boolean }
  | { readonly type: 'lead' }
  | { readonly type: 'logout' }
  | { readonly type: 'discard'; readonly clientMsgId: ClientMsgId }
  | { readonly type: 'replace'; readonly clientMsgId: ClientMsgId; readonly by: OutboxItem }
  | { readonly type: 'read'; readonly conversationId: ConversationId; readonly seq: Seq };

/** A tab that leads and does not answer for so long is frozen: another one leads. */
const answerMsMax = 3_000;
/** A tab that is visible for so long leads instead of a hidden one, whose timers browsers throttle. */
const visibleMs = 1_000;
/** The connection that another tab takes over stays so long, so that the user is online meanwhile; the server ends it at the other's hello. */
const handoverMs = 5_000;

export class Tabs {
  readonly #options: TabsOptions;
  readonly #followers = new Map<string, Follower>();
  #lobby: BroadcastChannel | undefined;
  #entered: Promise<void> | undefined;
  /** Ends the wait for the lock. */
  #queued = new AbortController();
  /** Present while this tab leads. */
  #release: (() => void) | undefined;
  /** Of a tab that leads. */
  #socket: WebSocketLike | undefined;
  #welcome: string | undefined;
  /** Of a tab that follows. */
  #remote: RemoteSocket | undefined;
  #silence: Timer | undefined;
  #settle: Timer | undefined;
  #stopSignals: (() => void) | undefined;
  /** Since this tab entered. */
  hasOthers = false;
  /** Another tab may have written what is kept since this one read or wrote it. */
  hasFollowed = false;
  /**
   * Another client of the device has replaced this one. The lock stays where it is, so that no tab opens a connection by itself; the
   * tab in which the user does has it.
   */
  isStopped = false;

  constructor(options: TabsOptions) {
    this.#options = options;
  }

  /** This tab leads, or tabs cannot share: it writes what a device keeps. */
  get isLeading(): boolean {
    return this.#options.locks === undefined || this.#release !== undefined;
  }

  /** Requests of several tabs leave on one WebSocket and every tab sees all answers: their ids must differ. */
  firstRequestId(): number {
    const { locks, random } = this.#options;
    return locks ? Math.floor(random() * 2 ** 32) * 2 ** 16 : 1;
  }

  /** Resolves when it is decided whether this tab leads, and what others wrote is taken over. Never rejects. */
  async ready(): Promise<void> {
    this.isStopped = false;
    if (this.#options.locks) {
      this.#entered ??= this.#enter();
      await this.#entered;
    }
    if (this.isLeading && this.hasFollowed) await this.#options.onTakeOver();
  }

  /** After `ready`. */
  open(url: string): WebSocketLike {
    if (!this.isLeading) return this.#join();
    const socket = new this.#options.webSocket(url);
    if (this.#options.locks) this.#share(socket as WebSocket);
    return socket;
  }

  connected(welcome: DownOf<'welcome'>): void {
    if (!this.#socket) return;
    this.#welcome = JSON.stringify(welcome);
    // What follows the welcome is passed on as it arrives.
    for (const follower of this.#followers.values()) follower.answer([this.#welcome]);
  }

  disconnected(): void {
    this.#remote = undefined;
    this.#lost(closeCode.going_away);
  }

  /** The client is closed: another tab may lead. */
  leave(): void {
    this.#queued.abort();
    this.#lost(closeCode.going_away);
    this.#stopSignals?.();
    this.#silence?.cancel();
    this.#settle?.cancel();
    this.#lobby?.close();
    this.#release?.();
    this.#remote = this.#lobby = this.#entered = this.#release = undefined;
    this.hasOthers = false;
    this.hasFollowed = !this.isLeading;
  }

  /** To the other tabs: they do not send what is discarded or replaced here either, and have read what was read here. */
  announce(notice: Extract<Notice, { type: 'discard' | 'replace' | 'read' }>): void {
    this.#notify(notice);
  }

  /** After `leave`: the clients of the other tabs log out too. */
  announceLogout(): void {
    if (!this.#options.locks) return;
    const lobby = new BroadcastChannel(this.#options.name);
    lobby.postMessage({ type: 'logout' } satisfies Notice);
    lobby.close();
  }

  async #enter(): Promise<void> {
    this.#lobby = new BroadcastChannel(this.#options.name);
    this.#lobby.onmessage = ({ data }: MessageEvent<Notice>) => this.#onNotice(data);
    this.#stopSignals = this.#options.signals.onHopeful(() => this.#claim());
    await this.#acquire({ ifAvailable: true });
    if (this.#lobby && !this.#release) this.#queue();
  }

  #queue(): void {
    this.hasOthers = this.hasFollowed = true;
    this.#queued = new AbortController();
    void this.#acquire({ signal: this.#queued.signal }).then((isHeld) => {
      if (isHeld && !this.isStopped) this.#options.onMove();
    });
  }

  /** From a tab that does not answer, or is hidden. */
  #steal(): void {
    this.#silence?.cancel();
    if (!this.#lobby || this.#release) return;
    this.#queued.abort();
    void this.#acquire({ steal: true }).then(() => this.#options.onMove());
  }

  /** Resolves with true once this tab leads; with false when it does not. */
  #acquire(how: HowToLock): Promise<boolean> {
    const { locks, name } = this.#options;
    const lobby = this.#lobby;
    return new Promise((resolve) => {
      let isHeld = false;
      const hold = (lock: unknown) => {
        isHeld = lock !== null && this.#lobby === lobby;
        resolve(isHeld);
        return isHeld ? new Promise<void>((release) => this.#lead(release)) : undefined;
      };
      locks?.request(name, how, hold).catch(({ name: error }: Error) => {
        if (this.#lobby !== lobby) return resolve(false);
        if (isHeld) return this.#deposed();
        // A page without an origin has no locks: it shares with no other.
        if (error !== 'AbortError') this.#lead(() => {});
        resolve(error !== 'AbortError');
      });
    });
  }

  #lead(release: () => void): void {
    this.#release = release;
    this.#remote = undefined;
    this.#silence?.cancel();
    this.#notify({ type: 'lead' });
  }

  /** Another tab leads now. */
  #deposed(): void {
    this.#release = undefined;
    this.#lost(closeCode.going_away);
    this.#queue();
    this.#options.onMove();
  }

  #onNotice(notice: Notice): void {
    this.hasOthers = true;
    switch (notice.type) {
      case 'join':
        return this.#release && this.#admit(notice);
      case 'lead':
        return this.#release ? undefined : this.#options.onMove();
      case 'logout':
        return this.#options.onLogout();
      case 'discard':
        return this.#options.onDiscard(notice.clientMsgId);
      case 'replace':
        return this.#options.onReplace(notice.clientMsgId, notice.by);
      case 'read':
        return this.#options.onRead(notice.conversationId, notice.seq);
      default:
        // Of a later version of the page.
        return;
    }
  }

  #admit({ id, isVisible }: Extract<Notice, { type: 'join' }>): void {
    let follower = this.#followers.get(id);
    if (!follower) {
      follower = new Follower({
        channel: this.#channel(id),
        onSend: (text) => this.#socket?.send(text),
        onClose: () => this.#dismiss(id),
      });
      this.#followers.set(id, follower);
    }
    if (this.isStopped || (isVisible && !isPageVisible())) follower.yield();
    else follower.answer(this.#welcome === undefined ? [] : [this.#welcome, ...this.#options.afterWelcome()]);
  }

  #dismiss(id: string): void {
    this.#followers.get(id)?.end();
    if (this.#followers.delete(id)) this.#options.onFollowerGone();
  }

  /** What arrives is passed on as it is, answers too: to read it here would cost every message more than it saves. */
  #share(socket: WebSocket): void {
    this.#socket = socket;
    const close = socket.close.bind(socket, 1000);
    socket.close = () => (this.#release ? close() : void this.#options.clock.after(handoverMs, close));
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) for (const follower of this.#followers.values()) follower.forward(String(data));
    });
    socket.addEventListener('close', ({ code }) => {
      if (this.#socket === socket) this.#lost(code);
    });
  }

  /** What refused this tab's token need not refuse theirs; what replaced this device replaced all of it. */
  #lost(code: number): void {
    this.#socket = this.#welcome = undefined;
    const theirs = code >= closeCode.unauthorized && code !== closeCode.replaced ? closeCode.going_away : code;
    for (const follower of this.#followers.values()) follower.close(theirs);
    this.#followers.clear();
  }

  #join(): RemoteSocket {
    const id = crypto.randomUUID();
    this.#remote = new RemoteSocket(id, this.#channel(id), (answer) => {
      if (answer === 'yield') this.#steal();
      else this.#silence?.cancel();
    });
    this.#ask(id);
    return this.#remote;
  }

  #ask(id: string): void {
    this.#silence?.cancel();
    this.#silence = deadline(this.#options.clock, answerMsMax, () => this.#steal());
    this.#notify({ type: 'join', id, isVisible: isPageVisible() });
  }

  #claim(): void {
    this.#settle?.cancel();
    this.#settle = this.#options.clock.after(visibleMs, () => {
      if (this.#remote && isPageVisible()) this.#ask(this.#remote.id);
    });
  }

  #channel(id: string): BroadcastChannel {
    return new BroadcastChannel(`${this.#options.name} ${id}`);
  }

  #notify(notice: Notice): void {
    this.#lobby?.postMessage(notice);
  }
}

/** Outside of pages nothing is hidden. */
const isPageVisible = () => globalThis.document?.visibilityState !== 'hidden';

/** Runs `task` while no other tab does; where locks cannot be had it runs all the same. */
export async function exclusively<T>(locks: Locks | undefined, task: () => Promise<T>): Promise<T> {
  let running: Promise<T> | undefined;
  const run = () => {
    running = task();
    return running;
  };
  // A rejection of the task is that of `running`.
  await locks?.request('hongyan', run).catch(() => {});
  return running ?? task();
}
