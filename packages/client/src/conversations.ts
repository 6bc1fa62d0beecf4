// The conversations of this device: by id, listed newest first, reported to the application when they change, and kept.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { DownOf } from '@hongyan/protocol/down';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import type { ClientEvents, ClientMessage, ConversationView, HistoryPage, HistoryRequest } from './api.ts';
import type { ConversationWrite, StoredConversation } from './client-storage.ts';
import { ConversationState, type EntryPage, type Shown, type StoredState } from './conversation-state.ts';
import { DeviceHistory } from './device-history.ts';
import type { Emits } from './emitter.ts';
import type { ArrivedEntry } from './entry-kind.ts';
import type { OwnParts } from './private-state.ts';
import type { SafeStorage } from './safe-storage.ts';
import type { Conversation } from './wire.ts';

export interface ConversationsOptions {
  readonly self: UserId;
  readonly clock: Clock;
  readonly storage: SafeStorage;
  readonly events: Emits<ClientEvents>;
  /** What this user has set for a conversation in private. */
  readonly ownOf: (conversationId: ConversationId) => OwnParts;
  /** Nothing is written meanwhile: another client of this device writes. */
  readonly isPaused: () => boolean;
  /** Something was shown or read here: the server should be notified. */
  readonly onProgress: (state: ConversationState) => void;
}

/** Changes are written together, this long after the first of them. */
const saveDelayMs = 300;
/** Messages that are read at a time when all are. */
const keptPageSize = 200;
/** When more have moved, all are sorted. */
const movedMax = 32;

export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #states = new Map<ConversationId, ConversationState>();
  readonly #unsaved = new Set<ConversationState>();
  readonly #unreported = new Set<ConversationState>();
  #saveTimer: Timer | undefined;
  #saving = Promise.resolve(true);
  readonly #waiting: ((saving: Promise<boolean>) => void)[] = [];
  /** Newest activity first, but for those that were added, changed or removed since. */
  #ordered: ConversationState[] = [];
  readonly #outOfOrder = new Set<ConversationState>();
  #list: readonly ConversationView[] | undefined;
  readonly #history: DeviceHistory;

  constructor(options: ConversationsOptions) {
    this.#options = options;
    this.#history = new DeviceHistory(options.storage, options.self);
  }

  restore(stored: readonly StoredConversation[]): void {
    for (const { conversationId, state } of stored) {
      const restored = ConversationState.restored(this.#options.self, state as StoredState);
      restored.setOwn(this.#options.ownOf(conversationId));
      this.#states.set(conversationId, restored);
      this.#outOfOrder.add(restored);
    }
  }

  /** What another client of the device wrote meanwhile, before this one writes again. */
  takeOver(stored: readonly StoredConversation[]): void {
    const states = new Map(stored.map(({ conversationId, state }) => [conversationId, state as StoredState]));
    for (const state of this.#states.values()) {
      const { kept, shownSeq = 0 } = states.get(state.id) ?? {};
      const isContinued = state.kept.takeOver(kept, { throughSeq: shownSeq, shownSeq: state.shownSeq });
      if (!isContinued) this.#unsaved.add(state);
    }
    for (const state of this.#unsaved) this.#saveSoon(state);
  }

  get(conversationId: ConversationId): ConversationState | undefined {
    return this.#states.get(conversationId);
  }

  /** false for a conversation that was left: it may have been joined again since, as another state. */
  isCurrent(state: ConversationState): boolean {
    return this.#states.get(state.id) === state;
  }

  get count(): number {
    return this.#states.size;
  }

  all(): Iterable<ConversationState> {
    return this.#states.values();
  }

  /** Newest activity first; the same array until something changed. */
  list(): readonly ConversationView[] {
    if (this.#list) return this.#list;
    this.#putInOrder();
    this.#list = this.#ordered.map((state) => state.view());
    return this.#list;
  }

  /** [C3] On a new device a conversation starts at its newest entry; a conversation that is added later is shown from its first. */
  merge(fresh: Conversation, start: 'newest' | 'first' = 'first'): ConversationState {
    const current = this.#states.get(fresh.conversation_id);
    if (current) {
      current.merge(fresh);
      return this.#changed(current);
    }
    const shownSeq = start === 'newest' ? fresh.last_seq : ((fresh.first_seq - 1) as Seq);
    const state = ConversationState.first(this.#options.self, { conversation: fresh, shownSeq });
    state.setOwn(this.#options.ownOf(fresh.conversation_id));
    this.#states.set(fresh.conversation_id, state);
    return this.#changed(state);
  }

  add(state: ConversationState, entry: ArrivedEntry): void {
    this.#show(state, () => state.add(entry));
  }

  addPage(state: ConversationState, page: EntryPage): void {
    this.#show(state, () => state.addPage(page));
  }

  /** Messages as the server has them now, which may tell how many are unread. */
  readAsHistory(state: ConversationState, entries: readonly ArrivedEntry[]): readonly ClientMessage[] {
    const unread = state.view().unread;
    const messages = entries.map((entry) => state.readAsHistory(entry));
    if (state.view().unread !== unread && this.isCurrent(state)) this.#changed(state);
    return messages;
  }

  /** A page of the server's history; without messages where the conversation is no longer one of this user. */
  takePage(state: ConversationState | undefined, request: HistoryRequest, answer: Output<'history'>): HistoryPage {
    const messages = state ? this.readAsHistory(state, answer.entries) : [];
    const page = { messages, firstSeq: answer.first_seq, lastSeq: answer.last_seq, hasMore: answer.has_more };
    if (!state || !this.isCurrent(state)) return page;
    this.#history.extend(state, page, request);
    this.#opened(state);
    return page;
  }

  /** The page from this device; see DeviceHistory. */
  async keptPage(
    state: ConversationState,
    request: HistoryRequest,
    isPartEnough: boolean,
  ): Promise<HistoryPage | undefined> {
    // What another tab keeps, and how much of it, is not known here.
    const isElsewhere = this.#options.isPaused();
    if (isElsewhere && !isPartEnough) return undefined;
    if (!state.kept.isStored) await this.save();
    const page = await this.#history.page(state, request, { isPartEnough, isElsewhere });
    if (page && this.isCurrent(state)) this.#opened(state);
    return page;
  }

  /** Of the messages on this device, oldest first, read while `isWanted`: they may be many. undefined where it has none. */
  async keptPinned(state: ConversationState, isWanted: () => boolean): Promise<readonly ClientMessage[] | undefined> {
    const pinned: ClientMessage[] = [];
    const before = (beforeSeq?: Seq) =>
      this.keptPage(state, { conversationId: state.id, beforeSeq, limit: keptPageSize }, true);
    const newest = await before();
    for (let page = newest; page; page = page.hasMore && isWanted() ? await before(page.messages[0]?.seq) : undefined)
      pinned.unshift(...page.messages.filter(({ isPinned }) => isPinned));
    return newest && pinned;
  }

  /** [C2] What was shown after `commonSeq` is void. */
  rewind(state: ConversationState, fresh: Conversation, commonSeq: Seq): void {
    this.#show(state, () => state.rewind(fresh, commonSeq));
  }

  change(state: ConversationState, change: DownOf<'conversation'>['conversation']): void {
    state.changed(change);
    this.#changed(state);
  }

  receipt({ conversation_id, user_id, delivered_seq, read_seq }: DownOf<'receipt'>): void {
    const state = this.#states.get(conversation_id);
    if (state?.receipt(user_id, { deliveredSeq: delivered_seq, readSeq: read_seq })) this.#changed(state);
  }

  /** [D7] The user has read up to `seq` here. */
  read(state: ConversationState, seq: Seq): void {
    if (!state.advance(this.#options.self, { deliveredSeq: seq, readSeq: seq })) return;
    this.#changed(state);
    this.#options.onProgress(state);
  }

  /** What this user has set for it in private is another, or the time of a mute is over. */
  ownChanged(conversationId: ConversationId): void {
    const state = this.#states.get(conversationId);
    if (!state) return;
    state.setOwn(this.#options.ownOf(conversationId));
    this.#changed(state);
  }

  /** [E23] */
  readInPrivate(conversationId: ConversationId, seq: Seq): void {
    const state = this.#states.get(conversationId);
    if (!state) return;
    state.readInPrivate(seq);
    this.#changed(state);
  }

  remove(conversationId: ConversationId): void {
    const state = this.#states.get(conversationId);
    if (!state) return;
    this.#states.delete(conversationId);
    this.#unsaved.delete(state);
    this.#unreported.delete(state);
    this.#outOfOrder.add(state);
    this.#list = undefined;
    const { storage, events, isPaused } = this.#options;
    if (!isPaused()) void storage.write((kept) => kept.deleteConversation(conversationId));
    events.emit('left', { conversationId });
  }

  /** Resolves when the storage has everything of now, at the latest with the write that is due. */
  saved(): Promise<unknown> {
    return this.#saveTimer ? new Promise((resolve) => this.#waiting.push(resolve)) : this.#saving;
  }

  /** Resolves when the storage has everything of now; with false when it failed, and the next change tries again. */
  save(): Promise<boolean> {
    this.#saveTimer?.cancel();
    this.#saveTimer = undefined;
    // In sequence: what an earlier write failed to keep is part of this one.
    const waiting = this.#waiting.splice(0);
    this.#saving = this.#saving.then(() => this.#saveUnsaved());
    for (const resolve of waiting) resolve(this.#saving);
    return this.#saving;
  }

  async #saveUnsaved(): Promise<boolean> {
    if (this.#options.isPaused()) {
      this.#history.boundUnstored(this.#unsaved);
      return true;
    }
    if (this.#unsaved.size === 0) return true;
    const { storage } = this.#options;
    const states = [...this.#unsaved];
    this.#unsaved.clear();
    const writes = await Promise.all(states.map((state) => this.#history.write(state)));
    // One that was left since then would be put back.
    const known = writes.filter((write, index) => write && this.isCurrent(states[index] as ConversationState));
    const isDone =
      !writes.includes(undefined) &&
      (await storage.write((kept) => kept.putConversations(known as ConversationWrite[])));
    for (const state of states) {
      if (isDone) state.kept.wasStored();
      else this.#forgetMessages(state);
    }
    if (!isDone) return false;
    for (const state of await this.#history.trim(this.#states)) this.#saveSoon(state);
    return true;
  }

  /** They are read from the server again, and take no room meanwhile. */
  #forgetMessages(state: ConversationState): void {
    state.kept.forget(state.shownSeq);
    if (this.isCurrent(state)) this.#unsaved.add(state);
  }

  #opened(state: ConversationState): void {
    state.kept.openedMs = this.#options.clock.nowMs();
    this.#saveSoon(state);
  }

  #saveSoon(state: ConversationState): void {
    this.#unsaved.add(state);
    this.#saveTimer ??= this.#options.clock.after(saveDelayMs, () => void this.save());
  }

  #show(state: ConversationState, take: () => Shown): void {
    if (!this.isCurrent(state)) return;
    const { events, onProgress } = this.#options;
    const before = state.shownSeq;
    const shown = take();
    this.#history.shown(state, shown);
    const { messages, changes, gap } = shown;
    if (gap) events.emit('gap', { conversationId: state.id, ...gap });
    for (const message of messages) events.emit('message', message);
    for (const change of changes) {
      events.emit('changed', { conversationId: state.id, seq: change.content.target_seq as Seq, change });
    }
    this.#changed(state);
    if (state.shownSeq > before) onProgress(state);
  }

  #changed(state: ConversationState): ConversationState {
    this.#list = undefined;
    this.#outOfOrder.add(state);
    this.#saveSoon(state);
    if (this.#unreported.size === 0) queueMicrotask(() => this.#report());
    this.#unreported.add(state);
    return state;
  }

  /** Few have moved between two lists of many: taking these out and in again costs far less than sorting. */
  #putInOrder(): void {
    const moved = [...this.#outOfOrder];
    this.#outOfOrder.clear();
    if (moved.length > movedMax) {
      this.#ordered = [...this.#states.values()].sort(byActivity);
      return;
    }
    for (const state of moved) {
      const at = this.#ordered.indexOf(state);
      if (at >= 0) this.#ordered.splice(at, 1);
    }
    for (const state of moved) {
      if (this.isCurrent(state)) this.#ordered.splice(placeOf(state, this.#ordered), 0, state);
    }
  }

  #report(): void {
    const changed = [...this.#unreported];
    this.#unreported.clear();
    for (const state of changed) this.#options.events.emit('conversation', state.view());
  }
}

const byActivity = (a: ConversationState, b: ConversationState): number =>
  b.activityMs - a.activityMs || (a.id < b.id ? -1 : 1);

/** By halving: `ordered` is in order. */
function placeOf(state: ConversationState, ordered: readonly ConversationState[]): number {
  let [from, to] = [0, ordered.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const other = ordered[middle];
    if (other && byActivity(other, state) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
