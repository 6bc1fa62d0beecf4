// The client: one device of one user, over whatever the network does. Puts connection, outbox, sync and storage together.

import { type Clock, systemClock } from '@hongyan/base/clock';
import { createUuidV7 } from '@hongyan/base/uuid';
import { directConversationId } from '@hongyan/protocol/direct';
import type { Down, DownOf } from '@hongyan/protocol/down';
import type { Conversation, Entry, User } from '@hongyan/protocol/entry';
import type { MemberList, MessageWhere } from '@hongyan/protocol/http';
import type { ClientMsgId, ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type {
  Client,
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
import { Conversations } from './conversations.ts';
import { Emitter } from './emitter.ts';
import { type HttpRequest, request } from './http.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { browserSignals, type NetworkSignals } from './network-signals.ts';
import { Outbox } from './outbox.ts';
import { Positions } from './positions.ts';
import { PresenceWatch } from './presence-watch.ts';
import { userIdOf } from './token.ts';

export type * from './api.ts';
export { ClientError } from './client-error.ts';
export { login, signup } from './http.ts';
export { createIndexedDbStorage } from './indexed-db-storage.ts';
export { createMemoryStorage } from './memory-storage.ts';

/** What the client takes from its surroundings; tests hand in their own. */
export interface ClientEnvironment {
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly signals: NetworkSignals;
}

/**
 * @example
 * const client = createClient({ url: 'http://127.0.0.1:8080', token: () => token });
 * client.on('message', (message) => console.log(message.from, message.content.text));
 * await client.connect();
 * const sent = await client.send({ to: 'bob' as UserId }, { type: 'text', text: 'hello' });
 */
export function createClient(options: ClientOptions, environment: Partial<ClientEnvironment> = {}): Client {
  const { clock = systemClock, random = secureRandom, signals = browserSignals } = environment;
  if (!(options.webSocket ?? globalThis.WebSocket)) {
    throw new TypeError('this runtime has no WebSocket: give one as options.webSocket');
  }
  return new HongyanClient(options, { clock, random, signals });
}

/** At most one typing frame per conversation leaves in this time. */
const typingEveryMs = 3_000;

/** Everything that needs to know who the user is; made once storage and token were read. */
interface Session {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly connection: Connection;
  readonly conversations: Conversations;
  readonly catchUp: CatchUp;
  readonly outbox: Outbox;
  readonly positions: Positions;
  readonly presence: PresenceWatch;
  cursor: string | undefined;
}

class HongyanClient implements Client {
  readonly #options: ClientOptions;
  readonly #environment: ClientEnvironment;
  readonly #storage: ClientStorage;
  readonly #events = new Emitter<ClientEvents>();
  readonly #newId: () => string;
  readonly #typingAtMs = new Map<ConversationId, number>();
  readonly #meeting = new Map<ConversationId, Promise<void>>();
  #state: ConnectionState = { type: 'closed' };
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;

  constructor(options: ClientOptions, environment: ClientEnvironment) {
    this.#options = options;
    this.#environment = environment;
    this.#storage = options.storage ?? createMemoryStorage();
    this.#newId = createUuidV7(() => environment.clock.nowMs());
  }

  get userId() {
    return this.#session?.userId;
  }
  get deviceId() {
    return this.#session?.deviceId;
  }
  get state() {
    return this.#state;
  }

  on<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  async connect(): Promise<void> {
    const session = await this.#open();
    if (this.#state.type === 'online') return;
    const online = new Promise<void>((resolve, reject) => {
      const stop = this.on('state', (state) => {
        if (state.type !== 'online' && state.type !== 'closed') return;
        stop();
        if (state.type === 'online') resolve();
        else if (state.reason === 'unauthorized' || state.reason === 'token_revoked') {
          reject(new ClientError(state.reason, 'the server does not accept the token'));
        } else reject(new ClientError('unavailable', `closed: ${state.reason}`));
      });
    });
    session.connection.open();
    return online;
  }

  async close(): Promise<void> {
    const session = this.#session;
    if (!session) return;
    session.connection.close();
    await session.conversations.save();
  }

  async logout(): Promise<void> {
    await this.close();
    this.#session = undefined;
    this.#opening = undefined;
    await this.#storage.clear();
  }

  async send(...[target, content, { clientMsgId } = {}]: Parameters<Client['send']>): Promise<ClientMessage> {
    const { userId, outbox } = await this.#open();
    return outbox.add({
      target,
      conversationId: 'to' in target ? directConversationId(userId, target.to) : target.conversationId,
      from: userId,
      clientMsgId: clientMsgId ?? (this.#newId() as ClientMsgId),
      content,
    });
  }

  retry(clientMsgId: ClientMsgId): void {
    this.#session?.outbox.retry(clientMsgId);
  }

  discard(clientMsgId: ClientMsgId): void {
    this.#session?.outbox.discard(clientMsgId);
  }

  outbox(conversationId?: ConversationId) {
    return this.#session?.outbox.list(conversationId) ?? [];
  }

  conversations() {
    return this.#session?.conversations.list() ?? [];
  }

  conversation(conversationId: ConversationId) {
    return this.#session?.conversations.get(conversationId)?.view();
  }

  async history({ conversationId, beforeSeq, afterSeq, limit }: Parameters<Client['history']>[0]) {
    const session = await this.#open();
    const { connection, conversations } = session;
    const page = await connection.request({
      type: 'history',
      conversation_id: conversationId,
      ...(beforeSeq === undefined ? {} : { before_seq: beforeSeq }),
      ...(afterSeq === undefined ? {} : { after_seq: afterSeq }),
      ...(limit === undefined ? {} : { limit }),
    });
    if (!conversations.get(conversationId)) await this.#meet(session, conversationId);
    const state = conversations.get(conversationId);
    return {
      messages: state ? page.entries.map((entry) => state.toMessage(entry)) : [],
      firstSeq: page.first_seq,
      lastSeq: page.last_seq,
      hasMore: page.has_more,
    };
  }

  markRead(conversationId: ConversationId, seq: Parameters<Client['markRead']>[1]): void {
    const state = this.#session?.conversations.get(conversationId);
    if (state) this.#session?.conversations.read(state, seq <= state.lastSeq ? seq : state.lastSeq);
  }

  typing(conversationId: ConversationId): void {
    const now = this.#environment.clock.monotonicMs();
    if (now - (this.#typingAtMs.get(conversationId) ?? Number.NEGATIVE_INFINITY) < typingEveryMs) return;
    if (!this.#session?.connection.post({ type: 'typing', conversation_id: conversationId })) return;
    this.#typingAtMs.set(conversationId, now);
  }

  async watchPresence(userIds: readonly UserId[]): Promise<void> {
    await (await this.#open()).presence.watch(userIds);
  }

  createDirect(userId: UserId) {
    return this.#create({ kind: 'direct', with: userId });
  }

  createGroup({ kind = 'group', title, members }: Parameters<Client['createGroup']>[0]) {
    return this.#create({ kind, title, members });
  }

  async setTitle(conversationId: ConversationId, title: string): Promise<void> {
    const conversation = await this.#http<Conversation>({
      method: 'PATCH',
      path: `/v1/conversations/${encodeURIComponent(conversationId)}`,
      body: { title },
    });
    this.#session?.conversations.merge(conversation);
  }

  addMember(conversationId: ConversationId, userId: UserId): Promise<void> {
    return this.#http({ method: 'PUT', path: memberPath(conversationId, userId) });
  }

  async removeMember(conversationId: ConversationId, userId: UserId): Promise<void> {
    await this.#http({ method: 'DELETE', path: memberPath(conversationId, userId) });
    if (userId === this.userId) this.#session?.conversations.remove(conversationId);
  }

  async members(conversationId: ConversationId) {
    const { conversations } = await this.#open();
    const members: MemberList['members'] = [];
    let next: string | undefined;
    do {
      const after = next === undefined ? '' : `&after=${encodeURIComponent(next)}`;
      const path = `/v1/conversations/${encodeURIComponent(conversationId)}/members?limit=200${after}`;
      const page = await this.#http<MemberList>({ path });
      members.push(...page.members);
      next = page.next;
    } while (next !== undefined);
    for (const { user_id, delivered_seq, read_seq } of members) {
      conversations.receipt({ type: 'receipt', conversation_id: conversationId, user_id, delivered_seq, read_seq });
    }
    return members.map(({ user_id, display_name, role, delivered_seq, read_seq }) => ({
      userId: user_id,
      displayName: display_name,
      role,
      deliveredSeq: delivered_seq,
      readSeq: read_seq,
    }));
  }

  whereIs(key: Parameters<Client['whereIs']>[0]): Promise<MessageWhere> {
    const path =
      'msgId' in key ? `/v1/messages/${key.msgId}` : `/v1/messages/by-client-id/${encodeURIComponent(key.clientMsgId)}`;
    return this.#http({ path });
  }

  getUser(userId: UserId): Promise<User> {
    return this.#http({ path: `/v1/users/${encodeURIComponent(userId)}` });
  }

  async searchUsers(query: string): Promise<readonly User[]> {
    if (query.trim() === '') return [];
    const path = `/v1/users?query=${encodeURIComponent(query.trim().slice(0, 64))}`;
    return (await this.#http<{ readonly users: readonly User[] }>({ path })).users;
  }

  #open(): Promise<Session> {
    this.#opening ??= this.#openSession().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openSession(): Promise<Session> {
    const kept = await this.#load();
    const userId = userIdOf(await this.#token());
    const isOwn = kept.meta.userId === undefined || kept.meta.userId === userId;
    // Another user's outbox must never leave in this one's name.
    if (!isOwn) await this.#storage.clear();
    const deviceId = this.#options.deviceId ?? kept.meta.deviceId ?? (this.#newId() as DeviceId);
    await this.#storage.saveMeta({ deviceId, userId }).catch((error: unknown) => this.#warnStorage(error));
    const session = this.#wire(userId, deviceId);
    if (isOwn) {
      session.cursor = kept.meta.cursor;
      session.conversations.restore(kept.conversations);
      session.outbox.restore(kept.outbox);
    }
    this.#session = session;
    for (const { conversationId } of isOwn ? kept.conversations : []) {
      const view = session.conversations.get(conversationId)?.view();
      if (view) this.#events.emit('conversation', view);
    }
    return session;
  }

  /** A storage that cannot be read is no reason not to chat: the device begins anew. */
  async #load(): ReturnType<ClientStorage['load']> {
    try {
      return await this.#storage.load();
    } catch (error) {
      this.#warnStorage(error);
      return { meta: {}, outbox: [], conversations: [] };
    }
  }

  #wire(userId: UserId, deviceId: DeviceId): Session {
    const { clock, random, signals } = this.#environment;
    const { url, requestTimeoutMs = 10_000, outboxMax = 10_000, clientName } = this.#options;
    const storage = this.#storage;
    const connection = new Connection({
      url,
      token: () => this.#token(),
      deviceId,
      clientName,
      requestTimeoutMs,
      webSocket: this.#options.webSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor),
      clock,
      random,
      signals,
      onWelcome: (welcome) => this.#onWelcome(session, welcome),
      onFrame: (frame) => this.#onFrame(session, frame),
      onState: (state) => this.#onState(session, state),
    });
    const positions = new Positions({ clock, post: (frame) => connection.post(frame) });
    const conversations = new Conversations({
      self: userId,
      clock,
      storage,
      events: this.#events,
      onProgress: (state) => positions.moved(state),
    });
    const outbox = new Outbox({
      storage,
      clock,
      random,
      itemsMax: outboxMax,
      transmit: (item) => connection.request(toSend(item)),
      onAck: (message) => this.#onAck(session, message),
      onChange: (message) => this.#events.emit('outbox', message),
      onStorageError: (error) => this.#warnStorage(error),
    });
    const catchUp = new CatchUp({ connection, conversations });
    const presence = new PresenceWatch(connection, this.#events);
    const parts = { connection, conversations, catchUp, outbox, positions, presence };
    const session: Session = { userId, deviceId, ...parts, cursor: undefined };
    return session;
  }

  #onState({ outbox, positions }: Session, state: ConnectionState): void {
    if (state.type === 'reconnecting' || state.type === 'closed') {
      outbox.disconnected();
      positions.disconnected();
    }
    this.#state = state;
    this.#events.emit('state', state);
  }

  async #onWelcome(session: Session, welcome: DownOf<'welcome'>): Promise<void> {
    if (welcome.user_id !== session.userId) {
      session.connection.close();
      throw new ClientError('conflict', `the token is of ${welcome.user_id}; this client is of ${session.userId}`);
    }
    const { outbox, positions, conversations, presence } = session;
    outbox.connected();
    positions.connected(conversations.all());
    await Promise.all([this.#catchUp(session), presence.connected()]);
    positions.review(conversations.all());
  }

  async #catchUp(session: Session): Promise<void> {
    let cursor: string;
    try {
      cursor = await session.catchUp.run(session.cursor);
    } catch (thrown) {
      // A cursor that the server does not know: its store is another one. The device begins anew.
      if (toClientError(thrown).code !== 'bad_request' || session.cursor === undefined) throw thrown;
      session.cursor = undefined;
      cursor = await session.catchUp.run(undefined);
    }
    session.cursor = cursor;
    // [C2] What the cursor stands for is kept before the cursor itself.
    try {
      await session.conversations.save();
      await this.#storage.saveMeta({ cursor });
    } catch (error) {
      this.#warnStorage(error);
    }
  }

  #onFrame(session: Session, frame: Down): void {
    switch (frame.type) {
      case 'message':
        return this.#onEntry(session, frame);
      case 'receipt':
        session.conversations.receipt(frame);
        return this.#events.emit('receipt', frame);
      case 'conversation':
        return this.#onConversation(session, frame);
      case 'typing':
        return this.#events.emit('typing', { conversationId: frame.conversation_id, userId: frame.user_id });
      case 'presence': {
        const lastSeen = frame.last_seen === undefined ? {} : { lastSeenMs: frame.last_seen };
        return this.#events.emit('presence', { userId: frame.user_id, online: frame.online, ...lastSeen });
      }
      case 'error':
        return this.#events.emit('warning', { message: `the server refused a frame: ${frame.message}` });
      default:
        // Of no meaning to this version, or an answer nobody waits for.
        return;
    }
  }

  #onEntry(session: Session, entry: Entry): void {
    const state = session.conversations.get(entry.conversation_id);
    if (!state) return void this.#meet(session, entry.conversation_id);
    session.conversations.add(state, entry);
    if (state.isBehind) this.#fill(session, state);
  }

  #fill(session: Session, state: Parameters<CatchUp['fill']>[0]): void {
    session.catchUp.fill(state).catch((error: unknown) => session.connection.fail(toClientError(error)));
  }

  #onConversation(session: Session, frame: DownOf<'conversation'>): void {
    const { conversation_id, change, user_id, conversation } = frame;
    if (change === 'member_left' && user_id === session.userId) return session.conversations.remove(conversation_id);
    const state = session.conversations.get(conversation_id);
    if (state) session.conversations.change(state, conversation);
    else void this.#meet(session, conversation_id);
  }

  /** A conversation this device has not heard of: learned from the server, then read from its first entry. */
  #meet(session: Session, conversationId: ConversationId): Promise<void> {
    const meeting = this.#meeting.get(conversationId);
    if (meeting) return meeting;
    const met = this.#conversationOf(conversationId)
      .then((conversation) => session.catchUp.fill(session.conversations.merge(conversation)))
      .catch((thrown: unknown) => {
        const error = toClientError(thrown);
        // Left again meanwhile. Anything else: the next sync tells of it.
        if (error.code !== 'not_member') session.connection.fail(error);
      })
      .finally(() => this.#meeting.delete(conversationId));
    this.#meeting.set(conversationId, met);
    return met;
  }

  #onAck(session: Session, message: ClientMessage): void {
    const { conversationId, clientMsgId, msgId, seq, from, content, timestampMs } = message;
    if (msgId !== undefined && seq !== undefined) {
      this.#onEntry(session, {
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
    this.#events.emit('outbox', message);
  }

  async #create(body: unknown) {
    const { conversations } = await this.#open();
    return conversations
      .merge(await this.#http<Conversation>({ method: 'POST', path: '/v1/conversations', body }))
      .view();
  }

  #conversationOf(conversationId: ConversationId): Promise<Conversation> {
    return this.#http({ path: `/v1/conversations/${encodeURIComponent(conversationId)}` });
  }

  async #http<T>(asked: Omit<HttpRequest, 'url' | 'token'>): Promise<T> {
    return request<T>({ ...asked, url: this.#options.url, token: await this.#token() });
  }

  async #token(): Promise<string> {
    return await this.#options.token();
  }

  #warnStorage(error: unknown): void {
    this.#events.emit('warning', { message: 'the storage failed: what is sent now may not survive a restart', error });
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

const memberPath = (conversationId: ConversationId, userId: UserId) =>
  `/v1/conversations/${encodeURIComponent(conversationId)}/members/${encodeURIComponent(userId)}`;

const secureRandom = () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
