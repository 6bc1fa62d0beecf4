// A message after an edit, a recall, a reaction or a pin. One rule for the library and for applications that keep loaded messages. Pure.

import type { ReactionSummary } from '@hongyan/protocol/content';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { ClientMessage, MessageChange } from './api.ts';
import { recalledType } from './entry-kind.ts';
import type { Content } from './wire.ts';

/**
 * The message after the change, of itself or of the message that it answers; the message itself when the change is of neither, or is
 * part of it already: one applies only if its seq is greater than `asOfSeq`. Changes of one message must be applied in the order of
 * their seqs.
 */
export function applyChange(message: ClientMessage, change: MessageChange, self: UserId | undefined): ClientMessage {
  return withQuoteChanged(withChange(message, change, self), change);
}

function withChange(message: ClientMessage, change: MessageChange, self: UserId | undefined): ClientMessage {
  const { seq: asOfSeq, content } = change;
  if (message.seq === undefined || content.target_seq !== message.seq) return message;
  if (asOfSeq <= (message.asOfSeq ?? message.seq) || message.isRecalled) return message;
  switch (content.type) {
    case 'hongyan.edit':
      return isContent(content.content) ? { ...message, content: content.content, edited: asOfSeq, asOfSeq } : message;
    case 'hongyan.recall':
      return recalled(message, asOfSeq);
    case 'hongyan.reaction':
      return { ...withReaction(message, change, self), asOfSeq };
    case 'hongyan.reactions':
      return { ...withSummary(message, content, self), asOfSeq };
    case 'hongyan.pin':
      return withPin(message, content.pinned === true, asOfSeq);
    default:
      return message; // a change of a later version
  }
}

/** With changes of this user that are not acknowledged yet, first made first; the message itself without one. */
export function withPendingChanges(message: ClientMessage, pending: readonly ClientMessage[]): ClientMessage {
  let shown = message;
  for (const { from, content } of pending) {
    const seq = ((shown.asOfSeq ?? shown.seq ?? 0) + 1) as Seq;
    shown = applyChange(shown, { seq, from, content }, from);
  }
  return shown === message ? message : { ...shown, isPending: true };
}

/** A reply shows the beginning of a long text: an edit may show more of it until the next read. */
function withQuoteChanged(message: ClientMessage, { seq: asOfSeq, content }: MessageChange): ClientMessage {
  const { replyTo } = message;
  if (replyTo === undefined || content.target_seq !== replyTo.seq || replyTo.isRecalled) return message;
  if (asOfSeq <= (replyTo.asOfSeq ?? replyTo.seq)) return message;
  if (content.type === 'hongyan.edit' && isContent(content.content))
    return { ...message, replyTo: { ...replyTo, content: content.content, asOfSeq } };
  if (content.type !== 'hongyan.recall') return message;
  const { content: _content, ...rest } = replyTo;
  return { ...message, replyTo: { ...rest, isRecalled: true, asOfSeq } };
}

function withPin({ isPinned: _isPinned, ...message }: ClientMessage, isPinned: boolean, asOfSeq: Seq): ClientMessage {
  return { ...message, ...(isPinned ? { isPinned } : {}), asOfSeq };
}

function recalled(before: ClientMessage, asOfSeq: Seq): ClientMessage {
  const {
    edited: _edited,
    reactions: _reactions,
    isPinned: _isPinned,
    replyTo: _replyTo,
    mentions: _mentions,
    ...message
  } = before;
  return { ...message, content: { type: recalledType }, isRecalled: true, asOfSeq };
}

/** Each reaction entry is a change: the server makes none for what is so already. What this user did may be known twice. */
function withReaction(
  message: ClientMessage,
  { from, content }: MessageChange,
  self: UserId | undefined,
): ClientMessage {
  const { key, op } = content;
  if (typeof key !== 'string' || (op !== 'add' && op !== 'remove')) return message;
  const before = message.reactions ?? [];
  const isSelf = from === self;
  const current = before.find((reaction) => isSameKey(reaction.key, key));
  if (isSelf && (current?.isMine ?? false) === (op === 'add')) return message;
  const count = (current?.count ?? 0) + (op === 'add' ? 1 : -1);
  const changed = { key: current?.key ?? key, count, isMine: isSelf ? op === 'add' : (current?.isMine ?? false) };
  const after = current ? before.map((reaction) => (reaction === current ? changed : reaction)) : [...before, changed];
  const { reactions: _reactions, ...rest } = message;
  const reactions = after.filter((reaction) => reaction.count > 0);
  return reactions.length === 0 ? rest : { ...rest, reactions };
}

/** Of a large conversation: the counts as they are, and who changed them since the last entry. */
function withSummary(message: ClientMessage, content: Content, self: UserId | undefined): ClientMessage {
  const { changes, reactions } = content as unknown as Partial<ReactionSummary>;
  if (!Array.isArray(changes) || !Array.isArray(reactions)) return message;
  const { reactions: before = [], ...rest } = message;
  const mine = new Set(before.flatMap(({ key, isMine }) => (isMine ? [key] : [])));
  for (const { user_id, key, op } of changes) {
    if (user_id === self) mine[op === 'add' ? 'add' : 'delete'](key);
  }
  const after = reactions.map(({ key, count }) => ({ key, count, isMine: mine.has(key) }));
  return after.length === 0 ? rest : { ...rest, reactions: after };
}

/** An emoji is the same with and without its variation selector: the server takes it out, and an own reaction may have it. */
export const isSameKey = (a: string, b: string): boolean => a.replaceAll('\ufe0f', '') === b.replaceAll('\ufe0f', '');

const isContent = (value: unknown): value is Content =>
  typeof value === 'object' && value !== null && typeof (value as Content).type === 'string';
