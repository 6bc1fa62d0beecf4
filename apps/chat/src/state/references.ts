// What the message that is being written refers to: the message that it answers, and who was picked to be mentioned. Kept on this
// device beside the draft, so that a reload loses nothing.

import type {
  ClientMessage,
  ConversationId,
  MessageChange,
  MessageReply,
  SendOptions,
  UserId,
} from '@hongyan/client/api';
import { applyChange } from '@hongyan/client/apply-change';
import type { BrowserStorage } from '../browser/browser-storage.ts';
import { splitMentions } from '../messages/mentions.ts';
import { Signal } from './signal.ts';

/** A quote shows the beginning. */
const quoteLengthMax = 200;
/** The server takes so many. */
const mentionsMax = 50;

type Mentioned = UserId | 'all';
type Storage = Pick<BrowserStorage, 'readJson' | 'write' | 'remove'>;

export class References {
  readonly replies: Signal<ReadonlyMap<ConversationId, MessageReply>>;
  /** By the word that stands in the text, who was picked last at the end: of two members with one name both can be meant. */
  readonly #picked: Map<ConversationId, Map<string, readonly Mentioned[]>>;
  readonly #storage: Storage;
  readonly #name: string;
  #isForgotten = false;

  constructor({ userId, storage }: { readonly userId: UserId; readonly storage: Storage }) {
    this.#storage = storage;
    this.#name = `references.${userId}`;
    const kept = keptIn(storage.readJson(this.#name));
    this.replies = new Signal<ReadonlyMap<ConversationId, MessageReply>>(new Map(kept.replies));
    this.#picked = new Map(kept.picked.map(([id, words]) => [id, new Map(words)]));
  }

  beginReply(message: ClientMessage): void {
    const reply = replyOf(message);
    if (reply) this.#putReply(message.conversationId, reply);
  }

  /** The message that is being answered may be what changed. */
  changed(conversationId: ConversationId, change: MessageChange): void {
    const reply = this.replies.get().get(conversationId);
    const { replyTo } = applyChange({ replyTo: reply } as ClientMessage, change, undefined);
    if (replyTo !== reply) this.#putReply(conversationId, replyTo);
  }

  endReply(conversationId: ConversationId): void {
    if (this.replies.get().has(conversationId)) this.#putReply(conversationId, undefined);
  }

  pick(conversationId: ConversationId, word: string, userId: Mentioned): void {
    const words = this.#picked.get(conversationId) ?? new Map<string, readonly Mentioned[]>();
    const others = (words.get(word) ?? []).filter((other) => other !== userId);
    this.#picked.set(conversationId, words.set(word, [...others, userId]));
    this.#keep();
  }

  isPicked(conversationId: ConversationId, word: string): boolean {
    return this.#picked.get(conversationId)?.has(word) === true;
  }

  /** The message is written again; `wordsOf`: what stands in its text for somebody. */
  takeBack({ conversationId, replyTo, mentions }: ClientMessage, wordsOf: (who: Mentioned) => readonly string[]): void {
    if (replyTo && !this.replies.get().has(conversationId)) this.#putReply(conversationId, replyTo);
    for (const who of mentions === 'all' ? (['all'] as const) : (mentions ?? [])) {
      for (const word of wordsOf(who)) this.pick(conversationId, word, who);
    }
  }

  /** Of those who were picked, the ones that the text still names: for each time that it has the word, one. */
  of(conversationId: ConversationId, text: string): SendOptions {
    const replyTo = this.replies.get().get(conversationId);
    const picked = this.#picked.get(conversationId) ?? new Map<string, readonly Mentioned[]>();
    const words = splitMentions(text, [...picked.keys()]).flatMap((part) => (part.isMention ? [part.text] : []));
    const timesOf = (word: string) => words.filter((other) => other === word).length;
    const named = [...new Set(words)].flatMap((word) => (picked.get(word) ?? []).slice(-timesOf(word)));
    const userIds = [...new Set(named)];
    const mentions = userIds.includes('all') ? ('all' as const) : (userIds.slice(0, mentionsMax) as UserId[]);
    return { ...(replyTo ? { replyTo } : {}), ...(mentions.length === 0 ? {} : { mentions }) };
  }

  /** The message was sent, or the conversation left. */
  clear(conversationId: ConversationId): void {
    this.endReply(conversationId);
    if (this.#picked.delete(conversationId)) this.#keep();
  }

  /** Deletes what this device kept. Nothing is kept after this. */
  forget(): void {
    this.#isForgotten = true;
    this.#storage.remove(this.#name);
  }

  #putReply(conversationId: ConversationId, reply: MessageReply | undefined): void {
    const replies = new Map(this.replies.get());
    if (reply) replies.set(conversationId, reply);
    else replies.delete(conversationId);
    this.replies.set(replies);
    this.#keep();
  }

  #keep(): void {
    if (this.#isForgotten) return;
    const picked = Array.from(this.#picked, ([id, words]) => [id, [...words]]);
    this.#storage.write(this.#name, JSON.stringify({ replies: [...this.replies.get()], picked }));
  }
}

interface Kept {
  readonly replies: readonly [ConversationId, MessageReply][];
  readonly picked: readonly [ConversationId, [string, readonly Mentioned[]][]][];
}

/** What this class wrote; anything else is as good as nothing. */
function keptIn(value: unknown): Kept {
  const { replies, picked } = (value ?? {}) as { readonly [K in keyof Kept]?: unknown };
  return Array.isArray(replies) && Array.isArray(picked) ? (value as Kept) : { replies: [], picked: [] };
}

/** What is shown of the message until the server's own quote is there. */
function replyOf({ seq, from, content, isRecalled, asOfSeq }: ClientMessage): MessageReply | undefined {
  if (seq === undefined) return undefined;
  if (isRecalled) return { seq, from, isRecalled, asOfSeq };
  const { type, text } = content;
  const isLong = text !== undefined && text.length > quoteLengthMax;
  const beginning = isLong ? `${Array.from(text.slice(0, quoteLengthMax)).slice(0, -1).join('')}…` : text;
  const quoted = beginning === undefined ? { type } : { type, text: beginning };
  return { seq, from, content: quoted, ...(asOfSeq === undefined ? {} : { asOfSeq }) };
}
