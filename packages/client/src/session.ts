// What runs for one user on one device: frames come in, go to where they belong, and what is missing is asked for.

import type { Clock } from '@hongyan/base/clock';
import type { Down, DownOf } from '@hongyan/protocol/down';
import type { Conversation, Entry } from '@hongyan/protocol/entry';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type {
  ClientEvents,
  ClientMessage,
  ClientOptions,
  ClientStorage,
  ConnectionState,
  OutboxItem,
  WebSocketConstructor,
} from './api.ts';
import { CatchUp } from './catch-up.ts';
import { ClientError, toClientError } from './client-error.ts';
import { Connection } from './connection.ts';
import type { ConversationState } from './conversation-state.ts';
import { Conversations } from './conversations.ts';
import type { Emits } from './emitter.ts';
import { request } from './http.ts';
import type { NetworkSignals } from './network-signals.ts';
import { Outbox } from './outbox.ts';
import { Positions } from './positions.ts';
import { PresenceWatch } from './presence-watch.ts';
import type { SafeStorage } from './safe-storage.ts';
import { isConversation } from './wire-shapes.ts';

/** What the client takes from its surroundings; tests hand in their own. */
export interface ClientEnvironment {
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly signals: NetworkSignals;
}

export interface SessionOptions {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly client: ClientOptions;
  readonly environment: ClientEnvironment;
  readonly storage: SafeStorage;
  readonly events: Emits<ClientEvents>;
}

/** A conversation that the server is being asked about, and the newest entry that came for it meanwhile. */
interface Meeting {
  met: Promise<ConversationState | undefined>;
  newest?: Entry;
}

export class Session {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly connection: Connection;
  readonly conversations: Conversations;
  readonly outbox: Outbox;
  readonly presence: PresenceWatch;
  readonly #options: SessionOptions;
  readonly #catchUp: CatchUp;
  readonly #positions: Positions;
  readonly #events: Emits<ClientEvents>;
  readonly #meetings = new Map<ConversationId, Meeting>();
  #hasEnded = false;
  #cursor: string | undefined;
  #state: ConnectionState = { type: 'closed' };

  constructor(options: SessionOptions) {
    const { userId, deviceId, environment, storage } = options;
    this.#options = options;
    const events: Emits<ClientEvents> = {
      emit: (event, value) => {
        if (!this.#hasEnded) options.events.emit(event, value);
      },
    };
    this.#events = events;
    this.userId = userId;
    this.deviceId = deviceId;
    this.connection = this.#createConnection();
    this.outbox = this.#createOutbox();
    this.#positions = new Positions({ clock: environment.clock, post: (frame) => this.connection.post(frame) });
    this.conversations = new Conversations({
      self: userId,
      clock: environment.clock,
      storage,
      events,
      onProgress: (state) => this.#positions.moved(state),
    });
    this.#catchUp = new CatchUp({ connection: this.connection, conversations: this.conversations });
    this.presence = new PresenceWatch(this.connection, events);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  restore({ meta, conversations, outbox }: Awaited<ReturnType<ClientStorage['load']>>): void {
    this.#cursor = meta.cursor;
    this.conversations.restore(conversations);
    this.outbox.restore(outbox);
  }

  /** On purpose; resolves when everything known is kept. */
  async close(): Promise<void> {
    this.#positions.flush();
    this.connection.close();
    await this.conversations.save();
    await this.#options.storage.settled();
  }

  /** [C8] The user is gone: whatever still comes in is told to nobody and kept nowhere. */
  end(): void {
    this.connection.close();
    this.outbox.end();
    this.#hasEnded = true;
    this.#options.storage.release();
  }

  /** As the server tells of a conversation outside of sync. */
  learn(conversation: Conversation, start = this.#start): ConversationState {
    if (!isConversation(conversation)) throw new ClientError('internal', 'the server sent what is no conversation');
    return this.conversations.merge(conversation, start);
  }

  /** [C3] Until the first sync is through the device begins: what it learns of starts at its newest. */
  get #start(): 'newest' | 'first' {
    return this.#cursor === undefined ? 'newest' : 'first';
  }

  /** A conversation this device has not heard of: learned from the server, then read from its first entry. undefined for none of the user's. */
  meet(conversationId: ConversationId, entry?: Entry): Promise<ConversationState | undefined> {
    let meeting = this.#meetings.get(conversationId);
    if (!meeting) {
      meeting = { met: Promise.resolve(undefined) };
      this.#meetings.set(conversationId, meeting);
      meeting.met = this.#meet(conversationId, meeting);
    }
    if (entry && entry.seq > (meeting.newest?.seq ?? 0)) meeting.newest = entry;
    return meeting.met;
  }

  async #meet(conversationId: ConversationId, meeting: Meeting): Promise<ConversationState | undefined> {
    const isCurrent = () => this.#meetings.get(conversationId) === meeting;
    const start = this.#start;
    try {
      const conversation = await this.#ask(conversationId);
      if (!isCurrent()) return undefined;
      const state = this.learn(conversation, start);
      // The answer may be older than what was pushed while it was on its way.
      if (meeting.newest) this.conversations.add(state, meeting.newest);
      this.#fill(state);
      return state;
    } catch (thrown) {
      const error = toClientError(thrown);
      // Left again meanwhile. Anything else: the next sync tells of it.
      if (error.code !== 'not_member') this.connection.fail(error);
      return undefined;
    } finally {
      if (isCurrent()) this.#meetings.delete(conversationId);
    }
  }

  #createConnection(): Connection {
    const { client, deviceId, environment } = this.#options;
    const { url, token, requestTimeoutMs = 10_000, clientName, webSocket } = client;
    return new Connection({
      ...environment,
      url,
      token,
      deviceId,
      clientName,
      requestTimeoutMs,
      webSocket: webSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor),
      onWelcome: (welcome) => this.#onWelcome(welcome),
      onFrame: (frame) => this.#onFrame(frame),
      onState: (state) => this.#onState(state),
    });
  }

  #createOutbox(): Outbox {
    const { client, environment, storage } = this.#options;
    return new Outbox({
      storage,
      clock: environment.clock,
      random: environment.random,
      itemsMax: client.outboxMax ?? 10_000,
      transmit: (item) => this.connection.request(toSend(item)),
      onAck: (message) => this.#onAck(message),
      onChange: (message) => this.#events.emit('outbox', message),
    });
  }

  #onState(state: ConnectionState): void {
    if (state.type === 'reconnecting' || state.type === 'closed') {
      this.outbox.disconnected();
      this.#positions.disconnected();
    }
    // The outbox is kept all the same: what is sent here leaves when this one is connected again, or by the next run.
    if (state.type === 'closed') this.conversations.isPaused ||= state.reason === 'replaced';
    if (state.type === 'catching_up') this.conversations.isPaused = false;
    this.#state = state;
    this.#events.emit('state', state);
  }

  async #onWelcome(welcome: DownOf<'welcome'>): Promise<void> {
    if (welcome.user_id !== this.userId) {
      this.connection.close();
      throw new ClientError('conflict', `the token is of ${welcome.user_id}; this client is of ${this.userId}`);
    }
    // [C3] A device that has just begun sends when it knows where telling begins: what it sends comes after that.
    if (this.#cursor !== undefined) this.outbox.connected();
    this.#positions.connected(this.conversations.all());
    await Promise.all([this.#synchronise(), this.presence.connected()]);
    this.#positions.review(this.conversations.all());
  }

  async #synchronise(): Promise<void> {
    let cursor: string;
    try {
      cursor = await this.#catchUp.run(this.#cursor);
    } catch (thrown) {
      // A cursor that the server does not know: its store is another one. The device begins anew.
      if (toClientError(thrown).code !== 'bad_request' || this.#cursor === undefined) throw thrown;
      this.#cursor = undefined;
      cursor = await this.#catchUp.run(undefined);
    }
    const hasBegun = this.#cursor === undefined;
    this.#cursor = cursor;
    if (hasBegun && this.connection.isOpen) this.outbox.connected();
    // [C2] What the cursor stands for is kept before the cursor itself.
    if (await this.conversations.save()) await this.#options.storage.saveMeta({ cursor });
  }

  #onFrame(frame: Down): void {
    const events = this.#events;
    switch (frame.type) {
      case 'message':
        return this.#onEntry(frame);
      case 'receipt':
        this.conversations.receipt(frame);
        return events.emit('receipt', frame);
      case 'conversation':
        return this.#onConversation(frame);
      case 'typing':
        return events.emit('typing', { conversationId: frame.conversation_id, userId: frame.user_id });
      case 'presence':
        return this.presence.tell(frame);
      case 'error':
        return events.emit('warning', { message: `the server refused a frame: ${frame.message}` });
      default:
        // Of no meaning to this version, or an answer nobody waits for.
        return;
    }
  }

  #onEntry(entry: Entry): void {
    const state = this.conversations.get(entry.conversation_id);
    if (!state) return void this.meet(entry.conversation_id, entry);
    this.conversations.add(state, entry);
    if (state.isBehind) this.#fill(state);
  }

  #onConversation({ conversation_id, change, user_id, conversation }: DownOf<'conversation'>): void {
    if (change === 'member_left' && user_id === this.userId) {
      this.#meetings.delete(conversation_id);
      return this.conversations.remove(conversation_id);
    }
    const state = this.conversations.get(conversation_id);
    if (state) this.conversations.change(state, conversation);
    else void this.meet(conversation_id);
  }

  /** The ack says all that the message frame would: whichever comes first shows it. The first message of a conversation waits until that is known. */
  async #onAck(message: ClientMessage): Promise<void> {
    const { conversationId, clientMsgId, msgId, seq, from, content, timestampMs } = message;
    if (msgId !== undefined && seq !== undefined) {
      const entry: Entry = {
        msg_id: msgId,
        conversation_id: conversationId,
        seq,
        from,
        content,
        timestamp: timestampMs,
        client_msg_id: clientMsgId,
        status: 'ack',
      };
      if (this.conversations.get(conversationId)) this.#onEntry(entry);
      else await this.meet(conversationId, entry);
    }
    this.#events.emit('outbox', message);
  }

  /** One that fails drops the connection: what is missing is found by the next sync, never forgotten. */
  #fill(state: ConversationState): void {
    if (!this.connection.isOpen) return;
    this.#catchUp.fill(state).catch((error: unknown) => this.connection.fail(toClientError(error)));
  }

  async #ask(conversationId: ConversationId): Promise<Conversation> {
    const { url, token } = this.#options.client;
    const path = `/v1/conversations/${encodeURIComponent(conversationId)}`;
    return request<Conversation>({ url, path, token: await token() });
  }
}

function toSend({ target, message }: OutboxItem) {
  return {
    type: 'send',
    ...('to' in target ? { to: target.to } : { conversation_id: target.conversationId }),
    client_msg_id: message.clientMsgId,
    content: message.content,
  } as const;
}
