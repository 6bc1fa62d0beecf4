// What runs for one user on one device: frames go to the part they concern, and what is missing is read from the server.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { PrivateChange } from '@hongyan/protocol/content';
import type { Down, DownOf } from '@hongyan/protocol/down';
import type { ClientMsgId, ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import { privateTimelineId } from '@hongyan/protocol/private';
import type { ClientEvents, ClientMessage, ConnectionState } from './api.ts';
import { CatchUp, type CatchUpFrom } from './catch-up.ts';
import { ClientError, toClientError } from './client-error.ts';
import type { ClientOptions, WebSocketConstructor } from './client-options.ts';
import type { ClientStorage, OutboxItem } from './client-storage.ts';
import { Connection } from './connection.ts';
import type { ConversationState } from './conversation-state.ts';
import { Conversations } from './conversations.ts';
import type { Emits } from './emitter.ts';
import type { ArrivedEntry } from './entry-kind.ts';
import { earlier } from './member-positions.ts';
import type { NetworkSignals } from './network-signals.ts';
import { Notices } from './notices.ts';
import { type Ack, Outbox } from './outbox.ts';
import { entryOf, transmit } from './outbox-wire.ts';
import { Positions } from './positions.ts';
import { PresenceWatch } from './presence-watch.ts';
import { PrivateState, privateType, type StoredOwn } from './private-state.ts';
import type { SafeStorage } from './safe-storage.ts';
import { ServerAbsence } from './server-absence.ts';
import { type Locks, Tabs } from './tabs.ts';
import { otherUser } from './token.ts';
import { UnknownConversations } from './unknown-conversations.ts';
import type { Conversation } from './wire.ts';
import { isConversation } from './wire-shapes.ts';

/** What the client takes from its environment; tests pass others. */
export interface ClientEnvironment {
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly signals: NetworkSignals;
  /** Absent: tabs of one device do not share its connection. */
  readonly locks: Locks | undefined;
}

type Closed = Extract<ConnectionState, { type: 'closed' }>;

export interface SessionOptions {
  readonly userId: UserId;
  /** Of the user's tokens. */
  readonly subject: string;
  readonly deviceId: DeviceId;
  readonly client: ClientOptions;
  readonly environment: ClientEnvironment;
  readonly storage: SafeStorage;
  readonly events: Emits<ClientEvents>;
  /** Over HTTP. */
  readonly getConversation: (conversationId: ConversationId) => Promise<Conversation>;
  /** The user has logged out in another tab. */
  readonly onLogout: () => void;
  /** The server says that the tokens are another user's: whoever opens next asks it. */
  readonly onOtherUser: () => void;
}

/** A tab that crashes does not say so. */
const adoptEveryMs = 300_000;

export class Session {
  readonly userId: UserId;
  readonly subject: string;
  readonly deviceId: DeviceId;
  readonly connection: Connection;
  readonly conversations: Conversations;
  readonly outbox: Outbox;
  readonly presence: PresenceWatch;
  readonly positions: Positions;
  readonly own: PrivateState;
  readonly absence: ServerAbsence;
  readonly notices: Notices;
  readonly #options: SessionOptions;
  readonly #tabs: Tabs;
  readonly #catchUp: CatchUp;
  readonly #unknown: UnknownConversations;
  readonly #events: Emits<ClientEvents>;
  #hasEnded = false;
  /** By another client of this device, which may write what this one keeps. */
  #isReplaced = false;
  #cursor: string | undefined;
  /** Of the store that the cursor and the seqs are of. */
  #epoch: string | undefined;
  #state: ConnectionState = { type: 'closed' };
  #adoptTimer: Timer | undefined;

  constructor(options: SessionOptions) {
    const { userId, deviceId, environment, storage } = options;
    this.#options = options;
    const events: Emits<ClientEvents> = {
      emit: (event, value) => {
        if (this.#hasEnded) return;
        options.events.emit(event, value);
        if (event === 'message') this.#onMessage(value as ClientEvents['message']);
        // What it was or is to be is void.
        if (event === 'left' || (event === 'gap' && (value as ClientEvents['gap']).isReset))
          this.outbox.shown((value as ClientEvents['left']).conversationId, Number.POSITIVE_INFINITY);
      },
    };
    this.#events = events;
    this.userId = userId;
    this.subject = options.subject;
    this.deviceId = deviceId;
    this.absence = new ServerAbsence(environment.clock);
    this.notices = new Notices({ clock: environment.clock, onChange: (notices) => events.emit('notices', notices) });
    this.#tabs = this.#createTabs();
    this.connection = this.#createConnection();
    this.outbox = this.#createOutbox();
    this.positions = new Positions({ clock: environment.clock, post: (frame) => this.connection.post(frame) });
    this.own = this.#createOwn();
    this.conversations = new Conversations({
      self: userId,
      clock: environment.clock,
      storage,
      events,
      ownOf: (conversationId) => this.own.of(conversationId),
      isPaused: () => this.#isPaused,
      onProgress: (state) => {
        this.positions.moved(state);
        this.outbox.shown(state.id, state.shownSeq);
      },
    });
    const { getConversation } = options;
    this.#catchUp = new CatchUp({ connection: this.connection, conversations: this.conversations, getConversation });
    this.#unknown = this.#createUnknown();
    this.presence = new PresenceWatch(this.connection, events);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  restore({ meta, conversations, outbox }: Awaited<ReturnType<ClientStorage['load']>>): void {
    this.#cursor = meta.cursor;
    this.#epoch = meta.epoch;
    this.outbox.restore(this.#ownOf(outbox));
    this.own.restore(meta.own as StoredOwn | undefined);
    this.conversations.restore(conversations);
  }

  /** [C8] Whatever a storage has: nothing of another user leaves in this user's name. */
  #ownOf(outbox: readonly OutboxItem[]): readonly OutboxItem[] {
    return outbox.filter(({ message }) => message.from === this.userId);
  }

  /** Resolves when the storage has everything. */
  async close(): Promise<void> {
    this.positions.flush();
    this.connection.close();
    await this.conversations.save();
    await this.#options.storage.settled();
    if (this.#state.type === 'closed') this.#tabs.leave();
  }

  /** [C8] The user has logged out: nothing that still arrives is reported or kept. */
  end(): void {
    this.#options.storage.release();
    this.connection.close();
    this.#tabs.leave();
    this.outbox.end();
    this.#hasEnded = true;
  }

  /** A conversation as an HTTP answer shows it. */
  merge(conversation: Conversation): ConversationState {
    if (!isConversation(conversation)) {
      throw new ClientError('internal', 'the server sent a conversation without the fields that this version needs');
    }
    // [C3] Until the first sync is complete the device is new: what it learns of starts at its newest entry.
    return this.conversations.merge(conversation, this.#cursor === undefined ? 'newest' : 'first');
  }

  /** undefined when it is no conversation of this user. */
  async learn(conversationId: ConversationId): Promise<ConversationState | undefined> {
    return this.conversations.get(conversationId) ?? (await this.#unknown.learn(conversationId));
  }

  /** Without a connection in all tabs: this one may be closed before it reports or keeps it. */
  read(state: ConversationState, seq: Seq): void {
    this.conversations.read(state, seq);
    if (!this.connection.isOpen) this.#tabs.announce({ type: 'read', conversationId: state.id, seq });
  }

  /** In all tabs. */
  discard(clientMsgId: ClientMsgId): void {
    this.outbox.discard(clientMsgId);
    this.#tabs.announce({ type: 'discard', clientMsgId });
  }

  /** After `end`, also in the other tabs of this device. */
  announceLogout(): void {
    this.#tabs.announceLogout();
  }

  #createTabs(): Tabs {
    const { client, userId, deviceId, environment, onLogout } = this.#options;
    const { url, webSocket } = client;
    return new Tabs({
      ...environment,
      name: JSON.stringify(['hongyan 1', url, userId, deviceId]),
      locks: webSocket ? undefined : environment.locks,
      webSocket: webSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor),
      afterWelcome: () => this.notices.frames(),
      onMove: () => (this.#tabs.isStopped ? this.connection.open() : this.connection.redial()),
      onTakeOver: () => this.#takeOver(),
      onFollowerGone: () => void this.#adopt(),
      onLogout,
      onDiscard: (clientMsgId) => this.outbox.discard(clientMsgId),
      onReplace: (clientMsgId, by) => this.outbox.replace(clientMsgId, by),
      onRead: (conversationId, seq) => {
        const state = this.conversations.get(conversationId);
        if (state) this.conversations.read(state, earlier(seq, state.lastSeq));
      },
    });
  }

  #createConnection(): Connection {
    const { client, deviceId, environment } = this.#options;
    const { url, token, requestTimeoutMs = 10_000, clientName } = client;
    return new Connection({
      ...environment,
      url,
      token,
      deviceId,
      clientName,
      requestTimeoutMs,
      sockets: this.#tabs,
      onWelcome: (welcome) => this.#onWelcome(welcome),
      onFrame: (frame) => this.#onFrame(frame),
      onState: (state) => this.#onState(state),
      onGoingAway: (reconnectAfterMs) => this.absence.begin(reconnectAfterMs),
    });
  }

  #createOutbox(): Outbox {
    const { client, environment, storage } = this.#options;
    return new Outbox({
      storage,
      clock: environment.clock,
      random: environment.random,
      itemsMax: client.outboxMax ?? 10_000,
      transmit: (item) => transmit(this.connection, item),
      onAck: (item, ack) => this.#onAck(item, ack),
      isAhead: ({ conversation_id, seq, duplicate }) =>
        (this.conversations.get(conversation_id)?.shownSeq ?? seq) < (duplicate ? seq : seq - 1),
      // What is lost of the private state the server has.
      onKept: async ({ message }) => message.content.type === privateType || this.conversations.saved(),
      onChange: (item) => this.#onOutbox(item),
      onReplaced: (clientMsgId, by) => this.#tabs.announce({ type: 'replace', clientMsgId, by }),
    });
  }

  #createOwn(): PrivateState {
    const { environment, deviceId, storage } = this.#options;
    return new PrivateState({
      ...{ clock: environment.clock, deviceId },
      read: (after) => this.connection.request('privateState', { after }),
      waiting: () =>
        this.outbox.changes({ conversationId: this.#ownId }).map(({ content }) => content.change as PrivateChange),
      onChange: (change) => this.#onOwn(change),
      onFailure: (error) => this.connection.fail(toClientError(error)),
      // Each tab has it; one writes it.
      save: (own) => void (this.#tabs.isLeading && storage.write((kept) => kept.saveMeta({ own }))),
    });
  }

  #createUnknown(): UnknownConversations {
    return new UnknownConversations({
      getConversation: this.#options.getConversation,
      onAnswer: (conversation, newest) => {
        const state = this.merge(conversation);
        if (newest) this.conversations.add(state, newest);
        void this.#fill(state);
        return state;
      },
      onFailure: (error) => this.connection.fail(toClientError(error)),
    });
  }

  #onState(state: ConnectionState): void {
    if (state.type === 'reconnecting' || state.type === 'closed') {
      this.outbox.disconnected();
      this.positions.disconnected();
      this.#tabs.disconnected();
      this.#adoptTimer?.cancel();
      for (const conversation of this.conversations.all())
        if (conversation.isReadUnreported) this.read(conversation, conversation.readSeq);
    }
    // The outbox is written all the same: what is sent here leaves when this client connects again, or in the next run.
    if (state.type === 'closed') {
      this.#isReplaced ||= state.reason === 'replaced';
      this.#unknown.forgetAll();
      this.absence.abandon();
      this.notices.stop();
      this.own.stop();
    }
    if (state.type === 'connecting') {
      this.own.start();
      this.notices.start();
    }
    if (state.type === 'catching_up') {
      this.#adoptTimer = this.#options.environment.clock.every(adoptEveryMs, () => void this.#adopt());
      this.#isReplaced = false;
      this.absence.end();
    }
    this.#state = state;
    if (state.type === 'closed') void this.#leaveTabs(state.reason);
    this.#events.emit('state', state);
  }

  /** Another client of the device writes what is kept, or has written since this one read it. */
  get #isPaused(): boolean {
    return this.#isReplaced || !this.#tabs.isLeading || this.#tabs.hasFollowed;
  }

  async #takeOver(): Promise<void> {
    // A write of an earlier lead may be on its way.
    await this.conversations.save();
    const kept = await this.#options.storage.load();
    const tabs = this.#tabs;
    if (kept?.meta.userId !== this.userId || !tabs.isLeading || !tabs.hasFollowed) return;
    this.conversations.takeOver(kept.conversations);
    tabs.hasFollowed = false;
  }

  /** Another tab goes on from what is kept. */
  async #leaveTabs(reason: Closed['reason']): Promise<void> {
    if (reason === 'replaced') {
      this.#tabs.isStopped = this.#tabs.hasFollowed = true;
      return;
    }
    await this.conversations.save();
    if (this.#state.type === 'closed') this.#tabs.leave();
  }

  async #onWelcome(welcome: DownOf<'welcome'>): Promise<void> {
    this.#tabs.connected(welcome);
    const noticesNamed = this.notices.welcomed();
    if (welcome.user_id !== this.userId) {
      this.connection.refuse(otherUser(welcome.user_id, this.userId));
      return this.#options.onOtherUser();
    }
    const from = this.#startOf(welcome);
    for (const state of this.conversations.all()) state.doubt(from.type === 'other_store');
    // [C3] A device without a valid cursor sends when it knows where showing begins, so that its messages come after that.
    if (from.type === 'cursor') this.outbox.connected();
    this.positions.connected(this.conversations.all());
    const synchronised = this.#synchronise(from, welcome.epoch);
    void this.presence.connected();
    await synchronised;
    noticesNamed();
    this.positions.review(this.conversations.all());
  }

  /** [C2] Seqs and cursor of another epoch are void. */
  #startOf({ epoch }: DownOf<'welcome'>): CatchUpFrom {
    if (this.#cursor === undefined) return { type: 'nothing' };
    if (this.#epoch !== undefined && this.#epoch !== epoch) return { type: 'other_store' };
    return { type: 'cursor', cursor: this.#cursor };
  }

  async #synchronise(from: CatchUpFrom, epoch: string): Promise<void> {
    let page: Awaited<ReturnType<CatchUp['run']>>;
    let isOther = from.type === 'other_store';
    try {
      page = await this.#catchUp.run(from);
    } catch (thrown) {
      // A cursor that the server did not issue: its store is another.
      if (toClientError(thrown).code !== 'bad_request' || from.type !== 'cursor') throw thrown;
      isOther = true;
      page = await this.#catchUp.run({ type: 'other_store' });
    }
    const { cursor, private_seq } = page;
    await this.own.catchUp(private_seq ?? 0, isOther);
    this.#cursor = cursor;
    this.#epoch = epoch;
    if (from.type !== 'cursor' && this.connection.isOpen) this.outbox.connected();
    // [C2] What the cursor stands for is kept before the cursor itself.
    if (this.#isPaused) return;
    const { storage } = this.#options;
    if (await this.conversations.save()) {
      const own = this.own.unsaved();
      await storage.write((kept) => kept.saveMeta({ cursor, epoch, ...(own && { own }) }));
    }
    await this.#adopt();
  }

  /** What other tabs wrote and left behind. */
  async #adopt(): Promise<void> {
    if (this.#isPaused || !this.#tabs.hasOthers) return;
    const reading = this.#options.storage.load();
    await this.outbox.adopt(
      reading.then((kept) => (kept?.meta.userId === this.userId ? this.#ownOf(kept.outbox) : [])),
    );
  }

  #onMessage(message: ClientMessage): void {
    if (message.from === this.userId) this.outbox.committed(message);
  }

  #onFrame(frame: Down): void {
    const events = this.#events;
    switch (frame.type) {
      case 'message':
      case 'entry':
        return this.#onEntry(frame);
      case 'sent':
        return this.outbox.accepted(frame.client_msg_id);
      case 'receipt':
        this.conversations.receipt(frame);
        return events.emit('receipt', frame);
      case 'conversation':
        return this.#onConversation(frame);
      case 'typing':
        return events.emit('typing', { conversationId: frame.conversation_id, userId: frame.user_id });
      case 'notice':
        return this.notices.arrived(frame);
      case 'presence':
        return this.presence.report(frame);
      case 'error':
        // What has no answer, as positions, is reported again after the reconnect.
        if (this.absence.isOn && frame.code === 'unavailable') return;
        return events.emit('warning', { message: `the server refused a frame: ${frame.message}` });
      default:
        // Frames of a later version, pongs, and answers to requests that were given up.
        return;
    }
  }

  #onEntry(entry: ArrivedEntry): void {
    if (entry.conversation_id === this.#ownId) return this.own.add(entry);
    const state = this.conversations.get(entry.conversation_id);
    if (!state) return void this.#unknown.learn(entry.conversation_id, entry);
    this.conversations.add(state, entry);
    if (state.isBehind) void this.#fill(state);
  }

  get #ownId(): ConversationId {
    return privateTimelineId(this.userId);
  }

  #onOwn(change: PrivateChange): void {
    if (change.type === 'setting') this.#events.emit('settings', this.own.settings());
    else if (change.type === 'read') this.conversations.readInPrivate(change.conversation_id, change.seq);
    else this.conversations.ownChanged(change.conversation_id);
  }

  #onConversation({ conversation_id, change, user_id, conversation }: DownOf<'conversation'>): void {
    if (change === 'member_left' && user_id === this.userId) {
      this.#unknown.forget(conversation_id);
      return this.conversations.remove(conversation_id);
    }
    const state = this.conversations.get(conversation_id);
    if (state) this.conversations.change(state, conversation);
    else void this.#unknown.learn(conversation_id);
  }

  /** The ack has all that the message frame has: whichever comes first is shown. The first message of a conversation waits until the server has described it. */
  async #onAck(item: OutboxItem, { unchanged, noted, duplicate, seq }: Ack): Promise<void> {
    const { content } = item.message;
    if (content.type === privateType) {
      if (!unchanged) this.own.acked(content.change as PrivateChange, seq);
      return this.#onOutbox(item);
    }
    const entry = entryOf(item.message);
    // Of a change that was so already there is no entry, of one that was noted not yet.
    if (entry && !unchanged && !noted) await (duplicate ? this.#readRepeat(entry) : this.#showAcked(entry));
    this.#onOutbox(item);
  }

  async #showAcked(entry: ArrivedEntry): Promise<void> {
    if (this.conversations.get(entry.conversation_id)) this.#onEntry(entry);
    else await this.#unknown.learn(entry.conversation_id, entry);
  }

  /** [C10] What is stored may be another than what was sent, and its frame may have come to no connection of this device. */
  async #readRepeat({ conversation_id, seq }: ArrivedEntry): Promise<void> {
    const state = this.conversations.get(conversation_id);
    state?.reached(seq);
    await (state ? this.#fill(state) : this.#unknown.learn(conversation_id));
  }

  #onOutbox({ message, isChange }: OutboxItem): void {
    if (!isChange) return this.#events.emit('outbox', message);
    const { conversationId, content, error } = message;
    if (content.type === privateType) {
      if (error)
        this.#events.emit('warning', { message: `the server refused a private change: ${error.message}`, error });
      return this.own.report(content.change as PrivateChange);
    }
    const seq = content.target_seq as Seq;
    this.#events.emit('changed', { conversationId, seq, ...(error ? { error, refused: content } : {}) });
  }

  /** A failure drops the connection, so that the next sync reads what is missing. */
  async #fill(state: ConversationState): Promise<void> {
    if (!this.connection.isOpen) return;
    await this.#catchUp.fill(state).catch((error: unknown) => this.connection.fail(toClientError(error)));
  }
}
