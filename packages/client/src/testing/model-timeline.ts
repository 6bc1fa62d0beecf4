// A conversation as the server has it, kept in the plainest way: what history and pushes show follows from the list of its entries.

import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import type { ClientMessage, HistoryPage, HistoryRequest, MessageReply } from '../api.ts';
import { applyChange } from '../apply-change.ts';
import { messageOf } from '../message-of.ts';
import type { Content, Conversation, Entry, Reply } from '../wire.ts';
import { rules } from './rules.ts';

const me = 'me' as UserId;
const you = 'you' as UserId;
const isMessage = ({ content }: Entry) => !content.type.startsWith('hongyan.');
const isChange = ({ content }: Entry) => content.target_seq !== undefined;

export class ModelTimeline {
  readonly #id: ConversationId;
  /** As they were committed. */
  readonly #entries: Entry[] = [];

  constructor(id: ConversationId) {
    this.#id = id;
  }

  get lastSeq(): number {
    return this.#entries.length;
  }

  /** `answers`: at about which place the message stands that is quoted. */
  say(text: string, answers?: number): void {
    const target = answers === undefined ? undefined : this.#messageAt(answers);
    this.#append({ type: 'text', text }, target && { reply_to: this.#quoteOf(target) });
  }

  /** An entry that stands between the messages. */
  notice(): void {
    this.#append({ type: 'hongyan.title', title: `title ${this.lastSeq}` });
  }

  /** Of the message at about the place `n`, unless it was recalled. */
  change(kind: 'edit' | 'recall' | 'react', n: number): void {
    const target = this.#messageAt(n);
    if (!target || this.#now(target).isRecalled) return;
    const target_seq = target.seq;
    if (kind === 'recall') this.#append({ type: 'hongyan.recall', target_seq });
    else if (kind === 'edit') {
      this.#append({ type: 'hongyan.edit', target_seq, content: { type: 'text', text: `edit ${this.lastSeq}` } });
    } else {
      const hasIt = this.#now(target).reactions?.some(({ count }) => count > 0);
      this.#append({ type: 'hongyan.reaction', target_seq, key: '👍', op: hasIt ? 'remove' : 'add' });
    }
  }

  /** As it is pushed or caught up with: what was recalled by now is erased. */
  entry(seq: number): Entry {
    const entry = this.#entries[seq - 1];
    if (!entry) throw new Error(`no entry ${seq}`);
    const target = entry.content.type === 'hongyan.edit' ? this.#entries[Number(entry.content.target_seq) - 1] : entry;
    const isErased = target && !isChange(target) && this.#now(target).isRecalled;
    return isErased ? { ...entry, content: { type: 'hongyan.recalled' } } : entry;
  }

  history({ beforeSeq, afterSeq, limit = 50 }: Partial<HistoryRequest>): Output<'history'> {
    const all = this.#entries.filter(
      (entry) => !isChange(entry) && entry.seq < (beforeSeq ?? Number.POSITIVE_INFINITY) && entry.seq > (afterSeq ?? 0),
    );
    const isBefore = afterSeq === undefined;
    const ordered = isBefore ? all.toReversed() : all;
    // A page ends with its last message: the notices beyond it are of the next one.
    const end = ordered.findIndex((_, index) => ordered.slice(0, index).filter(isMessage).length === limit);
    const taken = end < 0 ? ordered : ordered.slice(0, end);
    const page = isBefore ? taken.toReversed() : taken;
    return {
      conversation_id: this.#id,
      entries: page.map((entry) => this.#present(entry)),
      first_seq: 1 as Seq,
      last_seq: this.lastSeq as Seq,
      has_more: all.length > page.length,
    };
  }

  conversation(): Conversation {
    return {
      conversation_id: this.#id,
      kind: 'group',
      member_count: 2,
      last_seq: this.lastSeq as Seq,
      last_count: this.#entries.at(-1)?.count ?? 0,
      ...{ first_seq: 1 as Seq, delivered_seq: 0 as Seq, read_seq: 0 as Seq, unread: 0, unread_mentions: 0 },
      ...{ created_at: 0, history_visible: true, rules, role: 'member' },
    };
  }

  /** The messages of a page, with all changes that came after it. */
  afterAll({ messages, lastSeq }: HistoryPage): Partial<ClientMessage>[] {
    return messages.map((message) => shownOf(this.#fold(message, lastSeq)));
  }

  /** What a page that begins where `request` says, and ends where `page` does, must hold. */
  expected(
    { messages, lastSeq }: HistoryPage,
    { beforeSeq, afterSeq }: Partial<HistoryRequest>,
  ): Partial<ClientMessage>[] {
    const until = Math.min(beforeSeq ?? Number.POSITIVE_INFINITY, lastSeq + 1);
    const all = this.#entries.filter((entry) => !isChange(entry) && entry.seq < until && entry.seq > (afterSeq ?? 0));
    const part = afterSeq === undefined ? all.slice(all.length - messages.length) : all.slice(0, messages.length);
    return part.map((entry) => shownOf(this.#now(entry)));
  }

  #messageAt(n: number): Entry | undefined {
    return this.#entries.slice(0, n + 1).findLast(isMessage);
  }

  #quoteOf({ seq, from }: Entry): NonNullable<Entry['reply_to']> {
    const { content, isRecalled, asOfSeq } = this.#now(this.entry(seq));
    const asOf = asOfSeq === undefined ? {} : { as_of_seq: asOfSeq };
    return isRecalled ? { seq, from, recalled: true, ...asOf } : { seq, from, content, ...asOf };
  }

  #append(content: Content, more: Partial<Entry> = {}): void {
    const seq = (this.lastSeq + 1) as Seq;
    const count = (this.#entries.at(-1)?.count ?? 0) + (content.type.startsWith('hongyan.') ? 0 : 1);
    this.#entries.push({
      msg_id: `m${seq}` as Entry['msg_id'],
      conversation_id: this.#id,
      seq,
      from: you,
      content,
      count,
      timestamp: seq,
      client_msg_id: `k${seq}` as Entry['client_msg_id'],
      status: 'ack',
      ...more,
    });
  }

  #now(entry: Entry): ClientMessage {
    return this.#fold(messageOf(entry));
  }

  #fold(message: ClientMessage, afterSeq = 0): ClientMessage {
    return this.#entries
      .filter((entry) => isChange(entry) && entry.seq > afterSeq)
      .reduce((folded, { seq, from, content }) => applyChange(folded, { seq, from, content }, me), message);
  }

  #present(entry: Entry): Entry {
    const { content, edited, isRecalled, reactions = [], asOfSeq, replyTo } = this.#now(entry);
    const { reply_to: _before, ...rest } = entry;
    return {
      ...rest,
      content,
      ...(replyTo ? { reply_to: wireOf(replyTo) } : {}),
      ...(edited === undefined ? {} : { edited }),
      ...(isRecalled ? { recalled: true } : {}),
      ...(reactions.length === 0 ? {} : { reactions: reactions.map(({ key, count }) => ({ key, count })) }),
      ...(asOfSeq === undefined ? {} : { as_of_seq: asOfSeq }),
    };
  }
}

const wireOf = ({ seq, from, content, isRecalled, asOfSeq }: MessageReply): Reply =>
  ({ seq, from, content, recalled: isRecalled, as_of_seq: asOfSeq }) as Reply;

/** A message that came erased has no seq of its recall. */
function shownOf(message: ClientMessage): Partial<ClientMessage> {
  const { seq, content, edited, isRecalled, reactions, asOfSeq, replyTo } = message;
  if (isRecalled) return { seq, content, isRecalled } as Partial<ClientMessage>;
  const quote = replyTo && { seq: replyTo.seq, content: replyTo.content, isRecalled: replyTo.isRecalled };
  return { seq, content, edited, reactions, asOfSeq, replyTo: quote } as Partial<ClientMessage>;
}
