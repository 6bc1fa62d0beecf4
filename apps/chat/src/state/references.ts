// What the message that is being written refers to: the message that it answers, and who was picked to be mentioned.

import type {
  ClientMessage,
  ConversationId,
  MessageChange,
  MessageReply,
  SendOptions,
  UserId,
} from '@hongyan/client/api';
import { applyChange } from '@hongyan/client/apply-change';
import { splitMentions } from '../messages/mentions.ts';
import { Signal } from './signal.ts';

/** A quote shows the beginning. */
const quoteLengthMax = 200;
/** The server takes so many. */
const mentionsMax = 50;

export class References {
  readonly replies = new Signal<ReadonlyMap<ConversationId, ClientMessage>>(new Map());
  /** By the word that stands in the text. */
  readonly #picked = new Map<ConversationId, Map<string, UserId | 'all'>>();

  beginReply(message: ClientMessage): void {
    this.replies.set(new Map(this.replies.get()).set(message.conversationId, message));
  }

  /** The message that is being answered may be what changed. */
  changed(conversationId: ConversationId, change: MessageChange): void {
    const message = this.replies.get().get(conversationId);
    const changed = message && applyChange(message, change, undefined);
    if (changed && changed !== message) this.beginReply(changed);
  }

  endReply(conversationId: ConversationId): void {
    if (!this.replies.get().has(conversationId)) return;
    const replies = new Map(this.replies.get());
    replies.delete(conversationId);
    this.replies.set(replies);
  }

  pick(conversationId: ConversationId, word: string, userId: UserId | 'all'): void {
    const picked = this.#picked.get(conversationId) ?? new Map<string, UserId | 'all'>();
    this.#picked.set(conversationId, picked.set(word, userId));
  }

  /** Of those who were picked, the ones that the text still names. */
  of(conversationId: ConversationId, text: string): SendOptions {
    const message = this.replies.get().get(conversationId);
    const replyTo = message && replyOf(message);
    const picked = this.#picked.get(conversationId) ?? new Map<string, UserId | 'all'>();
    const named = splitMentions(text, [...picked.keys()]).flatMap((part) => picked.get(part.text) ?? []);
    const userIds = [...new Set(named)];
    const mentions = userIds.includes('all') ? ('all' as const) : (userIds.slice(0, mentionsMax) as UserId[]);
    return { ...(replyTo ? { replyTo } : {}), ...(mentions.length === 0 ? {} : { mentions }) };
  }

  /** The message was sent, or the conversation left. */
  clear(conversationId: ConversationId): void {
    this.endReply(conversationId);
    this.#picked.delete(conversationId);
  }
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
