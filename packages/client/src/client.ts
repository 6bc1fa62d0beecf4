// The client: one device of one user, whatever the network does. Combines connection, outbox, sync and storage.

import { systemClock } from '@hongyan/base/clock';
import type { PrivateChange, StateContent } from '@hongyan/protocol/content';
import { directConversationId } from '@hongyan/protocol/direct';
import type { ClientMsgId, ConversationId, DeviceId, DeviceToken, Seq, UserId } from '@hongyan/protocol/ids';
import type { Input } from '@hongyan/protocol/operations/operations';
import { privateTimelineId } from '@hongyan/protocol/private';
import type { Client, ClientEvents, ClientMessage, ConnectionState, ConversationRules, SendOptions } from './api.ts';
import { withPendingChanges } from './apply-change.ts';
import { Calls } from './calls.ts';
import { ClientError, toClientError } from './client-error.ts';
import { eventNames } from './client-events.ts';
import type { ClientOptions } from './client-options.ts';
import type { ClientStorage } from './client-storage.ts';
import {
  checkedChange,
  checkedContent,
  checkedHistory,
  checkedPrivateChange,
  checkedReferences,
  checkedTarget,
  checkPosition,
} from './content.ts';
import { Emitter } from './emitter.ts';
import { loadKept } from './kept-data.ts';
import { earlier } from './member-positions.ts';
import { listMembers, toMember } from './members.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { browserSignals } from './network-signals.ts';
import { newId } from './new-id.ts';
import { type InOutbox, inOutbox, type NewMessage } from './outbox.ts';
import { privateType } from './private-state.ts';
import { SafeStorage } from './safe-storage.ts';
import { type ClientEnvironment, Session } from './session.ts';
import { exclusively } from './tabs.ts';
import { TypingThrottle } from './typing-throttle.ts';
import { cutTo, wellFormed } from './unicode.ts';
import type { Content, MemberRole, MessagePlace, User } from './wire.ts';

export { login, signup } from './accounts.ts';
export type * from './api.ts';
export { applyChange } from './apply-change.ts';
export { ClientError } from './client-error.ts';
export type * from './client-options.ts';
export type * from './client-storage.ts';
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
  const { locks = globalThis.navigator?.locks } = environment;
  if (!(options.webSocket ?? globalThis.WebSocket)) {
    throw new TypeError('this runtime has no WebSocket: pass a WebSocket class as options.webSocket');
  }
  checkAddress(options.url);
  return new HongyanClient(options, { clock, random, signals, locks });
}

/** Of a wrong one each attempt would fail, as if there were no network. */
function checkAddress(url: string): void {
  const isOwnOrigin = url === '' && globalThis.location !== undefined;
  if (isOwnOrigin || (/^https?:/.test(url) && URL.canParse(url))) return;
  throw new TypeError(
    `options.url is the address of the server, http://… or https://…, or '' in a page that it serves, not ${JSON.stringify(url)}`,
  );
}

/** The server takes queries of up to 256 characters. */
const queryMax = 256;
const closed: ConnectionState = { type: 'closed' };

class HongyanClient implements Client {
  readonly #options: ClientOptions;
  readonly #environment: ClientEnvironment;
  readonly #storage: ClientStorage;
  readonly #events = new Emitter<ClientEvents>(eventNames);
  readonly #typing: TypingThrottle;
  readonly #calls: Calls;
  #session: Session | undefined;
  #inUse: SafeStorage | undefined;
  /** Grows with each close: a connect that began before it is no longer wanted. */
  #closings = 0;
  #opening: Promise<Session> | undefined;

  constructor(options: ClientOptions, environment: ClientEnvironment) {
    this.#options = options;
    this.#environment = environment;
    this.#storage = options.storage ?? createMemoryStorage();
    this.#typing = new TypingThrottle(environment.clock);
    this.#calls = new Calls({ client: options, environment, session: () => this.#session });
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
          reject(new ClientError(state.reason, state.message ?? 'the server does not accept the token'));
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

  async logout(): Promise<{ readonly isRevoked: boolean }> {
    const session = this.#session;
    const token = this.#calls.token();
    token.catch(() => {}); // handled below, once the device is cleared
    this.#end();
    session?.announceLogout();
    const failure = await this.#clear(session?.userId);
    const isRevoked = await this.#calls.revoke(token);
    if (failure) throw failure;
    return { isRevoked };
  }

  async logoutAll(): Promise<void> {
    await this.#calls.make('logoutAll', {});
    await this.logout();
  }

  async devices() {
    const { devices } = await this.#calls.make('listOwnDevices', {});
    const own = this.deviceId;
    return devices.map(({ device_id: deviceId, name, last_seen: lastSeenMs, online: isOnline, current }) => {
      // Devices that share the token are current for the server.
      const isCurrent = own === undefined ? current : deviceId === own;
      return { deviceId, name, lastSeenMs, isOnline, isCurrent };
    });
  }

  revokeDevice(device_id: DeviceId): Promise<void> {
    return this.#calls.make('revokeOwnDevice', { device_id });
  }

  bindDevice(device_token: DeviceToken, device_id = this.deviceId): Promise<void> {
    return this.#calls.make('bindDevice', { device_token, device_id } as Input<'bindDevice'>);
  }

  unbindDevice(device_token: DeviceToken): Promise<void> {
    return this.#calls.make('unbindDevice', { device_token });
  }

  /** What failed; like any call of the storage it is waited for so long and no longer. */
  async #clear(userId: UserId | undefined): Promise<ClientError | undefined> {
    let cause: unknown;
    const storage = this.#safeStorage((error) => {
      cause = error;
    });
    if (userId !== undefined) storage.ownedBy(userId);
    if (await storage.write((all) => all.clear())) return undefined;
    return new ClientError('unavailable', 'the storage could not delete what it keeps: log out again', { cause });
  }

  #newId(): string {
    return newId(this.#environment.clock.nowMs());
  }

  /** [C8] Logged out in another tab, which has cleared the storage: what was written here meanwhile goes too, unless there is a user again. */
  async #endHere(): Promise<void> {
    this.#end();
    const storage = this.#safeStorage();
    await exclusively(this.#environment.locks, async () => {
      const kept = await storage.load();
      if (kept && kept.meta.userId === undefined) await storage.write((all) => all.clear());
    });
  }

  #end(): void {
    this.#closings++;
    this.#calls.end();
    this.#session?.end();
    this.#inUse?.release();
    this.#inUse = undefined;
    this.#session = undefined;
    this.#opening = undefined;
    this.#typing.clear();
  }

  send(
    target: Parameters<Client['send']>[0],
    content: Parameters<Client['send']>[1],
    { clientMsgId, ...options }: SendOptions = {},
  ): Promise<ClientMessage> {
    return inOutbox(async () => {
      const checked = checkedTarget(target);
      const copy = checkedContent(content);
      const references = checkedReferences(options);
      const { userId, outbox } = await this.#open();
      const conversationId = 'to' in checked ? directConversationId(userId, checked.to) : checked.conversationId;
      this.#typing.sent(conversationId);
      const settled = outbox.add({
        target: checked,
        conversationId,
        from: userId,
        clientMsgId: clientMsgId ?? (this.#newId() as ClientMsgId),
        content: copy,
        ...references,
      });
      return { settled };
    });
  }

  edit(conversationId: ConversationId, seq: Seq, content: Content, options: Parameters<Client['edit']>[3] = {}) {
    const edit = () => ({ type: 'hongyan.edit', target_seq: seq, content: checkedContent(content) }) as const;
    return this.#change(conversationId, edit, options.expectEdited);
  }

  recall(conversationId: ConversationId, seq: Seq, { reason }: Parameters<Client['recall']>[2] = {}) {
    const why = reason === undefined ? {} : { reason };
    return this.#change(conversationId, () => ({ type: 'hongyan.recall', target_seq: seq, ...why }));
  }

  react(conversationId: ConversationId, seq: Seq, key: string, op: 'add' | 'remove') {
    return this.#change(conversationId, () => ({ type: 'hongyan.reaction', target_seq: seq, key, op }));
  }

  pin(conversationId: ConversationId, seq: Seq, isPinned: boolean) {
    return this.#change(conversationId, () => ({ type: 'hongyan.pin', target_seq: seq, pinned: isPinned }));
  }

  async pinned(conversationId: ConversationId) {
    const session = await this.#open();
    const { connection, conversations } = session;
    const known = conversations.get(conversationId);
    const isAlone = () => !connection.isOpen;
    const kept = known && isAlone() && (await conversations.keptPinned(known, isAlone));
    if (kept && isAlone()) return kept;
    const { entries } = await this.#calls.make('listPinned', { conversation_id: conversationId });
    const state = await session.learn(conversationId);
    return state ? conversations.readAsHistory(state, entries) : [];
  }

  withPending(message: ClientMessage): ClientMessage {
    const { conversationId, seq } = message;
    if (this.pendingChanges === 0 || seq === undefined) return message;
    return withPendingChanges(message, this.#session?.outbox.changes({ conversationId, seq }) ?? []);
  }

  get pendingChanges(): number {
    return this.#session?.outbox.changes().length ?? 0;
  }

  retry(clientMsgId: ClientMsgId): void {
    this.#session?.outbox.retry(clientMsgId);
  }

  discard(clientMsgId: ClientMsgId): void {
    this.#session?.discard(clientMsgId);
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

  async history(given: Parameters<Client['history']>[0]) {
    const request = checkedHistory(given);
    const { conversationId, beforeSeq, afterSeq, limit } = request;
    const session = await this.#open();
    const { connection, conversations } = session;
    const known = conversations.get(conversationId);
    const kept = known && (await conversations.keptPage(known, request, !connection.isOpen));
    if (kept) return kept;
    // JSON leaves out what is undefined.
    const asked = { conversation_id: conversationId, before_seq: beforeSeq, after_seq: afterSeq, limit };
    const ask = () => connection.request('history', asked as Input<'history'>);
    const page = await session.absence.bridge(ask, () => true);
    const state = await session.learn(conversationId);
    // What a device got through history it has received, whatever other devices of the user reported.
    if (state) session.positions.moved(state);
    return conversations.takePage(state, request, page);
  }

  markRead(conversationId: ConversationId, seq: Seq): void {
    checkPosition('seq', seq);
    const state = this.#session?.conversations.get(conversationId);
    if (state) this.#session?.read(state, earlier(seq, state.lastSeq));
  }

  mute(conversation_id: ConversationId, untilMs: number | null) {
    // [E24] What came while it was muted never brings it back, and what has come back is not archived again by a mute.
    const { isArchived, lastMessage } = this.conversation(conversation_id) ?? {};
    if (this.#session?.own.of(conversation_id).archivedCount !== undefined && !isArchived)
      this.archive(conversation_id, false).catch(() => {}); // the outbox reports it
    const endMs =
      isArchived && lastMessage ? Math.min(lastMessage.timestampMs + 1, this.#environment.clock.nowMs()) : null;
    return this.#setPrivate({ type: 'mute', conversation_id, until: untilMs ?? endMs });
  }

  pinConversation(conversation_id: ConversationId, isPinned: boolean) {
    return this.#setPrivate({ type: 'pin', conversation_id, pinned: isPinned });
  }

  archive(conversation_id: ConversationId, isArchived: boolean) {
    const count = this.#session?.conversations.get(conversation_id)?.lastCount ?? 0;
    return this.#setPrivate({ type: 'archive', conversation_id, count: isArchived ? count : null });
  }

  saveDraft(conversation_id: ConversationId, text: string, baseRevision: number) {
    return this.#setPrivate({ type: 'draft', conversation_id, text, base_revision: baseRevision as Seq });
  }

  markReadInPrivate(conversation_id: ConversationId, seq: Seq) {
    return inOutbox(async () => {
      checkPosition('seq', seq);
      const session = await this.#open();
      const view = session.conversations.get(conversation_id)?.view();
      // One that waits must not be replaced by an earlier position.
      if (view && seq <= view.unreadAfterSeq) return { settled: Promise.resolve() };
      return this.#addPrivate(session, { type: 'read', conversation_id, seq: view ? earlier(seq, view.lastSeq) : seq });
    });
  }

  set(name: string, value: unknown) {
    return this.#setPrivate({ type: 'setting', name, value });
  }

  settings() {
    return this.#session?.own.settings() ?? {};
  }

  notices() {
    return this.#session?.notices.list() ?? [];
  }

  dismissNotice(id: string): void {
    this.#session?.notices.dismiss(id);
  }

  typing(conversationId: ConversationId): void {
    this.#typing.run(
      conversationId,
      () => this.#session?.connection.post({ type: 'typing', conversation_id: conversationId }) ?? false,
    );
  }

  async watchPresence(userIds: readonly UserId[]): Promise<void> {
    await (await this.#open()).presence.watch(userIds);
  }

  createDirect(userId: UserId) {
    return this.#create({ kind: 'direct', with: userId });
  }

  createGroup({ kind = 'group', title, members, historyVisible }: Parameters<Client['createGroup']>[0]) {
    return this.#create({ kind, title, members: [...members], history_visible: historyVisible });
  }

  async setTitle(conversationId: ConversationId, title: string): Promise<void> {
    await this.#update({ conversation_id: conversationId, title });
  }

  async setRules(conversationId: ConversationId, rules: Partial<ConversationRules>): Promise<void> {
    const { historyVisible, mentionAll, ...others } = rules;
    await this.#update({
      conversation_id: conversationId,
      rules: { ...others, mention_all: mentionAll },
      history_visible: historyVisible,
    });
  }

  addMember(conversationId: ConversationId, userId: UserId): Promise<void> {
    return this.#calls.make('addMember', { conversation_id: conversationId, user_id: userId });
  }

  async removeMember(conversationId: ConversationId, userId: UserId): Promise<void> {
    const session = this.#session;
    await this.#calls.make('removeMember', { conversation_id: conversationId, user_id: userId });
    if (userId === session?.userId) session.conversations.remove(conversationId);
  }

  setRole(conversationId: ConversationId, userId: UserId, role: MemberRole): Promise<void> {
    return this.#calls.make('setRole', { conversation_id: conversationId, user_id: userId, role });
  }

  async members(conversationId: ConversationId) {
    const { conversations } = await this.#open();
    const members = await listMembers(conversationId, (input) => this.#calls.make('listMembers', input));
    for (const { user_id, delivered_seq, read_seq } of members) {
      conversations.receipt({ type: 'receipt', conversation_id: conversationId, user_id, delivered_seq, read_seq });
    }
    return members.map(toMember);
  }

  async readers({ conversationId, seq, ...rest }: Parameters<Client['readers']>[0]) {
    const input = { conversation_id: conversationId, target_seq: seq, ...rest } as Input<'listReaders'>;
    const { members, ...page } = await this.#calls.make('listReaders', input);
    return { ...page, members: members.map(toMember) };
  }

  async reactions({ conversationId, seq, ...rest }: Parameters<Client['reactions']>[0]) {
    const input = { conversation_id: conversationId, target_seq: seq, ...rest } as Input<'listReactions'>;
    const { users, ...page } = await this.#calls.make('listReactions', input);
    return {
      ...page,
      users: users.map(({ user_id, display_name, keys }) => ({ userId: user_id, displayName: display_name, keys })),
    };
  }

  async whereIs(key: Parameters<Client['whereIs']>[0]): Promise<MessagePlace> {
    return 'msgId' in key
      ? this.#calls.make('getMessage', { msg_id: key.msgId })
      : this.#calls.make('findMessage', { client_msg_id: key.clientMsgId });
  }

  async getUser(userId: UserId): Promise<User> {
    return this.#calls.make('getUser', { user_id: userId });
  }

  async searchUsers(query: string): Promise<readonly User[]> {
    const text = cutTo(wellFormed(query.trim()), queryMax);
    return text === '' ? [] : (await this.#calls.make('searchUsers', { query: text })).users;
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
    const storage = this.#safeStorage();
    this.#inUse = storage;
    const token = this.#calls.token();
    await token.catch(() => {}); // loadKept decides
    const { userId, subject, deviceId, kept } = await exclusively(this.#environment.locks, () =>
      loadKept(storage, {
        token: () => token,
        askUser: (text) => this.#calls.userOf(text),
        deviceId: this.#options.deviceId,
        newId: () => this.#newId(),
      }),
    );
    if (this.#inUse !== storage) throw new ClientError('unavailable', 'logged out meanwhile');
    const session = new Session({
      userId,
      subject,
      deviceId,
      client: { ...this.#options, token: () => this.#calls.token() },
      environment: this.#environment,
      storage,
      events: this.#events,
      getConversation: (conversation_id) => this.#calls.make('getConversation', { conversation_id }),
      onLogout: () => void this.#endHere(),
      onOtherUser: () => this.#end(),
    });
    session.restore(kept);
    this.#session = session;
    for (const view of session.conversations.list()) this.#events.emit('conversation', view);
    return session;
  }

  #safeStorage(onFailure = (error: unknown) => this.#events.emit('warning', { message: storageWarning, error })) {
    return new SafeStorage({ storage: this.#storage, clock: this.#environment.clock, onFailure });
  }

  #change(conversationId: ConversationId, describe: () => StateContent, expectEdited?: number): Promise<void> {
    return inOutbox(async () => {
      const content = checkedChange(conversationId, describe());
      return this.#addChange(await this.#open(), { conversationId, content, expectEdited });
    });
  }

  #setPrivate(change: PrivateChange): Promise<void> {
    return inOutbox(async () => {
      const checked = checkedPrivateChange(change);
      return this.#addPrivate(await this.#open(), checked);
    });
  }

  #addPrivate(session: Session, change: PrivateChange): InOutbox<void> {
    const conversationId = privateTimelineId(session.userId);
    return this.#addChange(session, { conversationId, content: { type: privateType, change } });
  }

  /** Waits in the outbox as the entry that it becomes. */
  #addChange(
    { userId, outbox }: Session,
    change: Pick<NewMessage, 'conversationId' | 'content' | 'expectEdited'>,
  ): InOutbox<void> {
    const added = outbox.add({
      ...change,
      target: { conversationId: change.conversationId },
      from: userId,
      clientMsgId: this.#newId() as ClientMsgId,
      isChange: true,
    });
    return { settled: added.then(() => {}) };
  }

  async #update(input: Input<'updateConversation'>): Promise<void> {
    const session = this.#session;
    const conversation = await this.#calls.make('updateConversation', input);
    session?.merge(conversation);
  }

  async #create(input: Input<'createConversation'>) {
    const session = await this.#open();
    return session.merge(await this.#calls.make('createConversation', input)).view();
  }
}

const storageWarning = 'the storage failed: what is sent now may not survive a restart';

const secureRandom = () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
