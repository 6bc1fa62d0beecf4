// The outbox: messages, and changes of messages, that are not acknowledged yet. Kept by the storage, sent again until the server has answered.

import { backOffMs } from '@hongyan/base/back-off';
import type { Clock, Timer } from '@hongyan/base/clock';
import type { PrivateChange } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import { privateKey } from '@hongyan/protocol/private';
import type { ClientMessage, Mentions, MessageReply, SendTarget } from './api.ts';
import { ClientError, toClientError } from './client-error.ts';
import type { OutboxItem } from './client-storage.ts';
import { isSameJson } from './content.ts';
import { privateType } from './private-state.ts';
import type { SafeStorage } from './safe-storage.ts';
import type { Content } from './wire.ts';
import { withResolvers } from './with-resolvers.ts';

export interface OutboxOptions {
  readonly storage: SafeStorage;
  readonly clock: Clock;
  readonly random: () => number;
  readonly itemsMax: number;
  /** Rejects with ClientError; `unavailable` without a connection. */
  readonly transmit: (item: OutboxItem) => Promise<Ack>;
  /** The committed message or change, removed from the outbox. The send resolves when this does. Never rejects. */
  readonly onAck: (item: OutboxItem, ack: Ack) => Promise<void>;
  /** Whether its entry, or one before that, is still to come: it is applied later than it is acknowledged. */
  readonly isAhead: (ack: Ack) => boolean;
  /** Resolves when what was acknowledged is kept elsewhere: a run that begins before sends it again [D3]. */
  readonly onKept: (item: OutboxItem) => Promise<unknown>;
  /** With an error it is of a change, which is gone from the outbox. */
  readonly onChange: (item: OutboxItem) => void;
  /** A later change has taken the place of one that other tabs may hold too: `replace` there. */
  readonly onReplaced: (clientMsgId: ClientMsgId, by: OutboxItem) => void;
}

export type Ack = Output<'send'>;

export interface NewMessage {
  readonly target: SendTarget;
  readonly conversationId: ConversationId;
  readonly from: UserId;
  readonly clientMsgId: ClientMsgId;
  readonly content: Content;
  readonly replyTo?: MessageReply | undefined;
  readonly mentions?: Mentions | undefined;
  /** Of the message that `content.target_seq` names. */
  readonly isChange?: true;
  readonly expectEdited?: number | undefined;
}

interface Item {
  kept: OutboxItem;
  state: 'storing' | 'queued' | 'sending' | 'failed' | 'gone';
  settled: Settlement;
}

interface Settlement {
  readonly promise: Promise<ClientMessage>;
  readonly resolve: (message: ClientMessage) => void;
  readonly reject: (error: ClientError) => void;
}

/** Sends in flight at a time: enough to fill a slow line, far below what a server refuses. */
const inFlightMax = 16;
const retryBaseMs = 500;
const notedMs = 2_000;
const retryMaxMs = 30_000;

/**
 * [C4] Messages leave in the order they were sent; after a loss of connection they leave again with the same
 * client_msg_id, so that each takes effect once [D3]. Where the server refuses a message for the moment,
 * those behind it that were on their way already may come before it; but a change of a message never comes before an earlier one.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #items = new Map<ClientMsgId, Item>();
  readonly #changes = new Set<Item>();
  /** Changes that are acknowledged, and whose entry at this seq is applied when those before it have come. */
  readonly #ahead = new Map<Item, Seq>();
  /** No longer in the outbox; what is read from the storage may still contain them. */
  readonly #gone = new Set<ClientMsgId>();
  #adopting = Promise.resolve();
  #nextNo = 1;
  #inFlight = 0;
  /** [C12] Beyond the rate one at a time; each acknowledgement then widens it, as a line that was congested is tried again. */
  #window = inFlightMax;
  #isConnected = false;
  #hasEnded = false;
  #refusals = 0;
  #pause: Timer | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  restore(kept: readonly OutboxItem[]): void {
    for (const item of kept) {
      const settled = createSettlement();
      const state = item.message.status === 'failed' ? 'failed' : 'queued';
      this.#put({ kept: item, state, settled });
      this.#nextNo = Math.max(this.#nextNo, item.no + 1);
    }
    this.#putInOrder();
  }

  /** As they were sent, in whichever tab. */
  #putInOrder(): void {
    for (const item of [...this.#items.values()].sort((a, b) => a.kept.no - b.kept.no)) {
      this.#items.delete(item.kept.message.clientMsgId);
      this.#changes.delete(item);
      this.#put(item);
    }
  }

  /** What other tabs left in the storage, which is being read. */
  adopt(reading: Promise<readonly OutboxItem[]>): Promise<void> {
    this.#adopting = Promise.all([reading, this.#adopting]).then(([kept]) => this.#adopt(kept));
    return this.#adopting;
  }

  #adopt(kept: readonly OutboxItem[]): void {
    if (this.#hasEnded) return;
    const isNew = ({ message: { clientMsgId } }: OutboxItem) =>
      !this.#items.has(clientMsgId) && !this.#gone.has(clientMsgId);
    const added = kept.filter(isNew);
    this.restore(added);
    for (const item of added) this.#options.onChange(item);
    this.#pump();
  }

  /** A committed message of this user: another tab may have sent what waits or failed here. */
  committed(message: ClientMessage): void {
    const item = this.#items.get(message.clientMsgId);
    if (!item) this.#passOver(message.clientMsgId);
    if (item?.state !== 'queued' && item?.state !== 'failed') return;
    this.#remove(item);
    this.#update(item, message);
    item.settled.resolve(message);
  }

  /** The server has it, and will commit it. It is sent again all the same until it is acknowledged. */
  accepted(clientMsgId: ClientMsgId): void {
    const item = this.#items.get(clientMsgId);
    if (item?.state === 'sending') this.#update(item, { ...item.kept.message, status: 'sent' });
  }

  /** The entries of a conversation were shown up to `seq`. */
  shown(conversationId: ConversationId, seq: number): void {
    for (const [item, entrySeq] of this.#ahead) {
      if (item.kept.message.conversationId !== conversationId || entrySeq > seq) continue;
      this.#ahead.delete(item);
      this.#entryShown(item);
      this.#deleteKept(item);
    }
  }

  /**
   * Resolves with the committed message; `onChange` tells of a refusal too, so that nobody has to handle the rejection. Throws
   * ClientError for what it does not take, [D3] `conflict` for a client_msg_id that is another message's.
   */
  add(added: NewMessage): Promise<ClientMessage> {
    const { target, conversationId, from, clientMsgId, content, replyTo, mentions, isChange, expectEdited } = added;
    if (this.#hasEnded) throw loggedOut();
    const earlier = this.#items.get(clientMsgId);
    if (earlier) return this.#again(earlier, added);
    if (this.#items.size >= this.#options.itemsMax) {
      throw new ClientError(
        'overloaded',
        `the outbox holds ${this.#options.itemsMax} messages: retry or discard some first`,
      );
    }
    const timestampMs = this.#options.clock.nowMs();
    const message: ClientMessage = {
      ...{ conversationId, clientMsgId, from, content, timestampMs, status: 'queued', replyTo, mentions },
    };
    // Tabs do not know each other's numbers, but have one clock.
    const no = Math.max(this.#nextNo, timestampMs);
    this.#nextNo = no + 1;
    const kept = { message, target, no, isChange, expectEdited };
    const item: Item = { kept, state: 'storing', settled: createSettlement() };
    if (content.type === privateType) this.#supersede(item);
    this.#put(item);
    this.#options.onChange(kept);
    void this.#store(item);
    return item.settled.promise;
  }

  #again(earlier: Item, again: NewMessage): Promise<ClientMessage> {
    const { message } = earlier.kept;
    if (!isSameJson(identityOf(message), identityOf(again))) {
      const key = JSON.stringify(message.clientMsgId);
      throw new ClientError('conflict', `the clientMsgId ${key} waits with another target or content: use a new one`);
    }
    this.retry(message.clientMsgId);
    return earlier.settled.promise;
  }

  list(conversationId?: ConversationId): readonly ClientMessage[] {
    const messages = [...this.#items.values()].flatMap(({ kept }) => (kept.isChange ? [] : kept.message));
    return conversationId === undefined
      ? messages
      : messages.filter((message) => message.conversationId === conversationId);
  }

  /** First made first: of the message at `seq`, else of the private timeline when that is the conversation, else of all messages. */
  changes(of?: { readonly conversationId: ConversationId; readonly seq?: Seq }): readonly ClientMessage[] {
    const changes = Array.from(this.#changes, ({ kept }) => kept.message);
    if (!of) return changes.filter(({ content }) => content.target_seq !== undefined);
    return changes.filter(
      ({ conversationId, content }) => conversationId === of.conversationId && content.target_seq === of.seq,
    );
  }

  retry(clientMsgId: ClientMsgId): void {
    const item = this.#items.get(clientMsgId);
    if (item?.state !== 'failed') return;
    const { error: _error, ...message } = item.kept.message;
    item.settled = createSettlement();
    this.#update(item, { ...message, status: 'queued' });
    void this.#store(item);
  }

  /** A message in flight may still be committed. */
  discard(clientMsgId: ClientMsgId): void {
    const item = this.#items.get(clientMsgId);
    if (!item) return this.#passOver(clientMsgId);
    this.#remove(item);
    item.settled.reject(new ClientError('not_found', 'the message was discarded before it was sent'));
  }

  /** [E21] In another tab. */
  replace(clientMsgId: ClientMsgId, by: OutboxItem): void {
    const earlier = this.#items.get(clientMsgId);
    if (!earlier) return this.#passOver(clientMsgId);
    if (earlier.state === 'sending') return;
    if (!this.#items.has(by.message.clientMsgId)) this.restore([by]);
    const later = this.#items.get(by.message.clientMsgId);
    if (later) this.#endWith(later, earlier);
    this.#options.onChange(by);
    this.#pump();
  }

  connected(): void {
    this.#isConnected = true;
    this.#refusals = 0;
    this.#pump();
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#pause?.cancel();
    this.#pause = undefined;
  }

  /** The user has logged out: nothing of the outbox is sent any more. */
  end(): void {
    this.disconnected();
    this.#hasEnded = true;
    for (const item of this.#items.values()) {
      item.state = 'gone';
      item.settled.reject(loggedOut());
    }
    this.#items.clear();
    this.#changes.clear();
    this.#ahead.clear();
  }

  /** [E21] What a later change replaces need not leave any more; it ends as that does. */
  #supersede(later: Item): void {
    const place = placeOf(later.kept);
    for (const earlier of this.#changes) {
      if (earlier.state === 'sending' || placeOf(earlier.kept) !== place) continue;
      this.#endWith(later, earlier);
      this.#options.onReplaced(earlier.kept.message.clientMsgId, later.kept);
    }
  }

  #endWith(later: Item, earlier: Item): void {
    this.#remove(earlier);
    later.settled.promise.then(earlier.settled.resolve, earlier.settled.reject);
  }

  #put(item: Item): void {
    this.#items.set(item.kept.message.clientMsgId, item);
    if (item.kept.isChange) this.#changes.add(item);
  }

  #keep({ kept }: Item): Promise<boolean> {
    return this.#options.storage.write((storage) => storage.putOutbox(kept));
  }

  /** A storage that fails does not block the send. */
  async #store(item: Item): Promise<void> {
    item.state = 'storing';
    await this.#keep(item);
    if (item.state === 'storing') item.state = 'queued';
    // Also when it was discarded meanwhile: others waited behind it.
    this.#pump();
  }

  #pump(): void {
    if (!this.#isConnected || this.#pause) return;
    const changing = new Set<string>();
    for (const item of this.#items.values()) {
      if (this.#inFlight >= Math.floor(this.#window) || item.state === 'storing') return;
      const place = placeOf(item.kept);
      const mustWait = place !== undefined && changing.has(place);
      if (place !== undefined) changing.add(place);
      if (item.state === 'queued' && !mustWait) void this.#send(item);
    }
  }

  async #send(item: Item): Promise<void> {
    item.state = 'sending';
    this.#inFlight++;
    try {
      const ack = await this.#options.transmit(item.kept);
      this.#refusals = 0;
      this.#window = Math.min(inFlightMax, this.#window + 1 / this.#window);
      this.#acked(item, ack);
    } catch (thrown) {
      this.#refused(item, toClientError(thrown));
    } finally {
      this.#inFlight--;
      this.#pump();
    }
  }

  #acked(item: Item, ack: Ack): void {
    const { conversation_id, seq, msg_id, timestamp, status } = ack;
    const message: ClientMessage = {
      ...item.kept.message,
      conversationId: conversation_id,
      seq,
      msgId: msg_id,
      timestampMs: timestamp,
      status,
    };
    this.#take(item);
    if (item.kept.isChange) this.#showUntilEntry(item, ack);
    void this.#options.onAck({ ...item.kept, message }, ack).then(() => {
      item.settled.resolve(message);
      if (!this.#ahead.has(item)) this.#deleteKept(item);
    });
  }

  /** Until then the message would be shown without it. */
  #showUntilEntry(item: Item, ack: Ack): void {
    if (ack.noted) {
      this.#changes.add(item);
      // The entry that sums it up comes within a second.
      this.#options.clock.after(notedMs, () => this.#entryShown(item));
    } else if (!ack.unchanged && this.#options.isAhead(ack)) {
      this.#changes.add(item);
      this.#ahead.set(item, ack.seq);
    }
  }

  #entryShown(item: Item): void {
    if (this.#changes.delete(item)) this.#options.onChange(item.kept);
  }

  #deleteKept(item: Item): void {
    void this.#options.onKept(item.kept).then(() => this.#delete(item));
  }

  #refused(item: Item, error: ClientError): void {
    if (item.state === 'gone') return;
    if (!error.isRetryable) return this.#failed(item, error);
    item.state = 'queued';
    if (error.code === 'rate_limited') this.#window = 1;
    if (!this.#isConnected || this.#pause) return;
    this.#pause = this.#options.clock.after(this.#delayAfter(error), () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  /** Who is beyond its rate is told when there is room; any other refusal is a guess. */
  #delayAfter({ code, retryAfterMs = 0 }: ClientError): number {
    const { random } = this.#options;
    if (code === 'rate_limited' && retryAfterMs > 0) return retryAfterMs + Math.floor((random() * retryAfterMs) / 4);
    return Math.max(retryAfterMs, backOffMs(this.#refusals++, { baseMs: retryBaseMs, maxMs: retryMaxMs, random }));
  }

  /** A message is kept for a retry; of a change, the message as it was remains. */
  #failed(item: Item, error: ClientError): void {
    const { isChange } = item.kept;
    if (isChange) this.#remove(item);
    else item.state = 'failed';
    const { code, message } = error;
    this.#update(item, { ...item.kept.message, status: 'failed', error: { code, message } });
    if (!isChange) void this.#keep(item);
    item.settled.reject(error);
  }

  #update(item: Item, message: ClientMessage): void {
    item.kept = { ...item.kept, message };
    this.#options.onChange(item.kept);
  }

  /** Also while it is being stored: storages apply calls in their order. */
  #remove(item: Item): void {
    if (item.state === 'gone') return;
    this.#take(item);
    void this.#delete(item);
  }

  #take(item: Item): void {
    const { clientMsgId } = item.kept.message;
    item.state = 'gone';
    this.#gone.add(clientMsgId);
    this.#changes.delete(item);
    // One that was discarded may have been sent again with its key.
    if (this.#items.get(clientMsgId) === item) this.#items.delete(clientMsgId);
  }

  /** Of one that was taken, unless its key is another's now. What could not be deleted waits for the next run. */
  async #delete({ kept: { message } }: Item): Promise<void> {
    const { clientMsgId } = message;
    if (this.#items.has(clientMsgId)) return;
    if (!(await this.#options.storage.write((storage) => storage.deleteOutbox(clientMsgId)))) return;
    await this.#adopting;
    this.#gone.delete(clientMsgId);
  }

  /** Another tab has sent or discarded it: the reading that has begun may contain it, later ones do not. */
  #passOver(clientMsgId: ClientMsgId): void {
    if (this.#gone.has(clientMsgId)) return;
    this.#gone.add(clientMsgId);
    void this.#adopting.then(() => this.#gone.delete(clientMsgId));
  }
}

const loggedOut = () => new ClientError('not_found', 'logged out before the message was sent');

/** [D3] What a repeat must have in common with the first. */
const identityOf = ({ conversationId, content, replyTo, mentions }: ClientMessage | NewMessage) => [
  conversationId,
  content,
  replyTo?.seq,
  mentions,
];

/** The message that a change is of, or the key of a private one. */
const placeOf = ({ isChange, message: { conversationId, content } }: OutboxItem): string | undefined =>
  isChange &&
  `${conversationId} ${content.type === privateType ? privateKey(content.change as PrivateChange) : content.target_seq}`;

export interface InOutbox<T> {
  readonly settled: Promise<T>;
}

/**
 * What the outbox has taken it tells of by events: an application that does not wait for it has no unhandled rejection. What it did
 * not take rejects as any other call.
 */
export function inOutbox<T>(add: () => Promise<InOutbox<T>>): Promise<T> {
  const result = add().then(({ settled }) => {
    result.catch(() => {});
    return settled;
  });
  return result;
}

/** Nobody may wait for it: see `inOutbox`. */
function createSettlement(): Settlement {
  const settlement = withResolvers<ClientMessage>();
  settlement.promise.catch(() => {});
  return settlement;
}
