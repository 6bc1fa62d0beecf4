// The client: one device of one user, over whatever the network does. Puts connection, outbox, sync and storage together.

import { systemClock } from '@hongyan/base/clock';
import { createUuidV7 } from '@hongyan/base/uuid';
import { directConversationId } from '@hongyan/protocol/direct';
import type { Content, Conversation, User } from '@hongyan/protocol/entry';
import type { MemberList, MessageWhere } from '@hongyan/protocol/http';
import type { ClientMsgId, ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Client, ClientEvents, ClientMessage, ClientOptions, ClientStorage, ConnectionState } from './api.ts';
import { ClientError, toClientError } from './client-error.ts';
import { Emitter } from './emitter.ts';
import { type HttpRequest, request } from './http.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { browserSignals } from './network-signals.ts';
import { SafeStorage } from './safe-storage.ts';
import { type ClientEnvironment, Session } from './session.ts';
import { userIdOf } from './token.ts';

export type * from './api.ts';
export { ClientError } from './client-error.ts';
export { login, signup } from './http.ts';
export { createIndexedDbStorage } from './indexed-db-storage.ts';
export { createMemoryStorage } from './memory-storage.ts';
export type { ClientEnvironment } from './session.ts';

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
const closed: ConnectionState = { type: 'closed' };

class HongyanClient implements Client {
  readonly #options: ClientOptions;
  readonly #environment: ClientEnvironment;
  readonly #storage: ClientStorage;
  readonly #events = new Emitter<ClientEvents>();
  readonly #newId: () => string;
  readonly #typingAtMs = new Map<ConversationId, number>();
  #session: Session | undefined;
  #inUse: SafeStorage | undefined;
  /** Grows with each close: a connect that began before it has lost its reason. */
  #closings = 0;
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
    return this.#session?.state ?? closed;
  }

  on<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  async connect(): Promise<void> {
    const closings = this.#closings;
    const session = await this.#open();
    if (closings !== this.#closings) throw new ClientError('unavailable', 'closed: on_purpose');
    if (session.state.type === 'online') return;
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
    this.#closings++;
    await this.#session?.close();
  }

  async logout(): Promise<void> {
    this.#closings++;
    this.#session?.end();
    this.#inUse?.release();
    this.#inUse = undefined;
    this.#session = undefined;
    this.#opening = undefined;
    this.#typingAtMs.clear();
    await this.#storage.clear();
  }

  async send(...[target, content, { clientMsgId } = {}]: Parameters<Client['send']>): Promise<ClientMessage> {
    const own = plainCopy(content);
    const { userId, outbox } = await this.#open();
    return outbox.add({
      target,
      conversationId: 'to' in target ? directConversationId(userId, target.to) : target.conversationId,
      from: userId,
      clientMsgId: clientMsgId ?? (this.#newId() as ClientMsgId),
      content: own,
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
    const page = await session.connection.request({
      type: 'history',
      conversation_id: conversationId,
      ...(beforeSeq === undefined ? {} : { before_seq: beforeSeq }),
      ...(afterSeq === undefined ? {} : { after_seq: afterSeq }),
      ...(limit === undefined ? {} : { limit }),
    });
    const state = session.conversations.get(conversationId) ?? (await session.meet(conversationId));
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
    // Oldest first: what no longer holds anything back is forgotten.
    for (const [id, atMs] of this.#typingAtMs) {
      if (now - atMs < typingEveryMs) break;
      this.#typingAtMs.delete(id);
    }
    if (this.#typingAtMs.has(conversationId)) return;
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
    this.#session?.learn(conversation);
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
    if (this.#opening) return this.#opening;
    const opening = this.#openSession().catch((error: unknown) => {
      if (this.#opening === opening) this.#opening = undefined;
      throw toClientError(error);
    });
    this.#opening = opening;
    return opening;
  }

  async #openSession(): Promise<Session> {
    const storage = new SafeStorage({
      storage: this.#storage,
      clock: this.#environment.clock,
      onFailure: (error) => this.#events.emit('warning', { message: storageWarning, error }),
    });
    this.#inUse = storage;
    // A storage that cannot be read is no reason not to chat: the device begins anew.
    let kept = (await storage.load()) ?? { meta: {}, outbox: [], conversations: [] };
    const userId = await this.#owner(kept.meta.userId);
    const deviceId = this.#options.deviceId ?? kept.meta.deviceId ?? (this.#newId() as DeviceId);
    if (kept.meta.userId !== userId) {
      // [C8] Another user's outbox must never leave in this one's name: where it cannot be cleared, nothing is written either.
      kept = { meta: {}, outbox: [], conversations: [] };
      if (!(await storage.clear()) || !(await storage.saveMeta({ deviceId, userId }))) storage.release();
    }
    if (this.#inUse !== storage) throw new ClientError('unavailable', 'logged out meanwhile');
    const session = new Session({
      userId,
      deviceId,
      client: { ...this.#options, token: () => this.#token() },
      environment: this.#environment,
      storage,
      events: this.#events,
    });
    session.restore(kept);
    this.#session = session;
    for (const view of session.conversations.list()) this.#events.emit('conversation', view);
    return session;
  }

  /** Without a token for the moment, as in a tunnel, whose data is kept goes on offline. */
  async #owner(keptUserId: UserId | undefined): Promise<UserId> {
    try {
      return userIdOf(await this.#token());
    } catch (thrown) {
      if (keptUserId === undefined || !toClientError(thrown).isRetryable) throw thrown;
      return keptUserId;
    }
  }

  async #create(body: unknown) {
    const session = await this.#open();
    return session.learn(await this.#http<Conversation>({ method: 'POST', path: '/v1/conversations', body })).view();
  }

  async #http<T>(asked: Omit<HttpRequest, 'url' | 'token'>): Promise<T> {
    return request<T>({ ...asked, url: this.#options.url, token: await this.#token() });
  }

  async #token(): Promise<string> {
    const token = await this.#options.token();
    const { userId } = this;
    if (userId !== undefined && userIdOf(token) !== userId) {
      throw new ClientError('unauthorized', `the token is of ${userIdOf(token)}: log ${userId} out first`);
    }
    return token;
  }
}

const storageWarning = 'the storage failed: what is sent now may not survive a restart';

const memberPath = (conversationId: ConversationId, userId: UserId) =>
  `/v1/conversations/${encodeURIComponent(conversationId)}/members/${encodeURIComponent(userId)}`;

/** As it will be sent: what the application changes afterwards is its own. */
function plainCopy(content: Content): Content {
  try {
    return JSON.parse(JSON.stringify(content)) as Content;
  } catch (cause) {
    throw new ClientError('bad_request', 'the content is not JSON', { cause });
  }
}

const secureRandom = () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
