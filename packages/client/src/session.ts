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
import type { Emitter } from './emitter.ts';
import { request } from './http.ts';
import type { NetworkSignals } from './network-signals.ts';
import { Outbox } from './outbox.ts';
import { Positions } from './positions.ts';
import { PresenceWatch } from './presence-watch.ts';

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
  readonly storage: ClientStorage;
  readonly events: Emitter<ClientEvents>;
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
  readonly #meeting = new Map<ConversationId, Promise<ConversationState | undefined>>();
  #cursor: string | undefined;
  #state: ConnectionState = { type: 'closed' };

  constructor(options: SessionOptions) {
    const { userId, deviceId, environment, storage, events } = options;
    this.#options = options;
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
  }

  /** A conversation this device has not heard of: learned from the server, then read from its first entry. undefined for none of the user's. */
  meet(conversationId: ConversationId): Promise<ConversationState | undefined> {
    const meeting = this.#meeting.get(conversationId);
    if (meeting) return meeting;
    const met = this.#ask(conversationId)
      .then((conversation) => {
        const state = this.conversations.merge(conversation);
        this.#fill(state);
        return state;
      })
      .catch((thrown: unknown) => {
        const error = toClientError(thrown);
        // Left again meanwhile. Anything else: the next sync tells of it.
        if (error.code !== 'not_member') this.connection.fail(error);
        return undefined;
      })
      .finally(() => this.#meeting.delete(conversationId));
    this.#meeting.set(conversationId, met);
    return met;
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
    const { client, environment, storage, events } = this.#options;
    return new Outbox({
      storage,
      clock: environment.clock,
      random: environment.random,
      itemsMax: client.outboxMax ?? 10_000,
      transmit: (item) => this.connection.request(toSend(item)),
      onAck: (message) => this.#onAck(message),
      onChange: (message) => events.emit('outbox', message),
      onStorageError: (error) => this.#warnStorage(error),
    });
  }

  #onState(state: ConnectionState): void {
    if (state.type === 'reconnecting' || state.type === 'closed') {
      this.outbox.disconnected();
      this.#positions.disconnected();
    }
    this.#state = state;
    this.#options.events.emit('state', state);
  }

  async #onWelcome(welcome: DownOf<'welcome'>): Promise<void> {
    if (welcome.user_id !== this.userId) {
      this.connection.close();
      throw new ClientError('conflict', `the token is of ${welcome.user_id}; this client is of ${this.userId}`);
    }
    this.outbox.connected();
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
    this.#cursor = cursor;
    // [C2] What the cursor stands for is kept before the cursor itself.
    try {
      await this.conversations.save();
      await this.#options.storage.saveMeta({ cursor });
    } catch (error) {
      this.#warnStorage(error);
    }
  }

  #onFrame(frame: Down): void {
    const { events } = this.#options;
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
    if (!state) return void this.meet(entry.conversation_id);
    this.conversations.add(state, entry);
    if (state.isBehind) this.#fill(state);
  }

  #onConversation({ conversation_id, change, user_id, conversation }: DownOf<'conversation'>): void {
    if (change === 'member_left' && user_id === this.userId) return this.conversations.remove(conversation_id);
    const state = this.conversations.get(conversation_id);
    if (state) this.conversations.change(state, conversation);
    else void this.meet(conversation_id);
  }

  /** The ack says all that the message frame would: whichever comes first shows it. The first message of a conversation waits until that is known. */
  async #onAck(message: ClientMessage): Promise<void> {
    if (!this.conversations.get(message.conversationId)) await this.meet(message.conversationId);
    const { conversationId, clientMsgId, msgId, seq, from, content, timestampMs } = message;
    if (msgId !== undefined && seq !== undefined) {
      this.#onEntry({
        msg_id: msgId,
        conversation_id: conversationId,
        seq,
        from,
        content,
        timestamp: timestampMs,
        client_msg_id: clientMsgId,
        status: 'ack',
      });
    }
    this.#options.events.emit('outbox', message);
  }

  /** One that fails drops the connection: what is missing is found by the next sync, never forgotten. */
  #fill(state: ConversationState): void {
    this.#catchUp.fill(state).catch((error: unknown) => this.connection.fail(toClientError(error)));
  }

  async #ask(conversationId: ConversationId): Promise<Conversation> {
    const { url, token } = this.#options.client;
    const path = `/v1/conversations/${encodeURIComponent(conversationId)}`;
    return request<Conversation>({ url, path, token: await token() });
  }

  #warnStorage(error: unknown): void {
    this.#options.events.emit('warning', { message: storageWarning, error });
  }
}

export const storageWarning = 'the storage failed: what is sent now may not survive a restart';

function toSend({ target, message }: OutboxItem) {
  return {
    type: 'send',
    ...('to' in target ? { to: target.to } : { conversation_id: target.conversationId }),
    client_msg_id: message.clientMsgId,
    content: message.content,
  } as const;
}
