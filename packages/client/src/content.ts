// What an application gives to be sent, checked before it is queued: JSON must carry all of it, or an acknowledgement would stand
// for another content than was given.

import type { PrivateChange, StateContent } from '@hongyan/protocol/content';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { HistoryRequest, Mentions, MessageReply, SendOptions, SendTarget } from './api.ts';
import { badRequest } from './client-error.ts';
import { checkWellFormed } from './unicode.ts';
import type { Content } from './wire.ts';

/** The server takes frames nested 34 levels deep; a frame adds two to its content. */
const depthMax = 32;

/** A copy: changes that the application makes afterwards do not reach the outbox. Throws ClientError `bad_request`. */
export function checkedContent(content: Content): Content {
  if (typeof content !== 'object' || content === null || Array.isArray(content) || typeof content.type !== 'string') {
    throw badRequest(
      `the content is an object with a type, such as {type: 'text', text: 'hello'}, not ${shown(content)}`,
    );
  }
  if (content.type === 'text' && typeof content.text !== 'string') {
    throw badRequest('content of type "text" needs a string "text"');
  }
  return copyOf(content, 'content', depthMax) as Content;
}

/** A copy, as of the content: a target that the application uses again must not lead a message astray. Throws ClientError `bad_request`. */
export function checkedTarget(target: SendTarget): SendTarget {
  const { to, conversationId } = (typeof target === 'object' && target !== null ? target : {}) as {
    readonly to?: unknown;
    readonly conversationId?: unknown;
  };
  const isUser = typeof to === 'string' && to !== '';
  const isConversation = typeof conversationId === 'string' && conversationId !== '';
  if (isUser !== isConversation)
    return isUser ? { to: to as UserId } : { conversationId: conversationId as ConversationId };
  throw badRequest(`the target is {to: userId} or {conversationId}, not ${shown(target)}`);
}

/** Throws ClientError `bad_request`. */
export function checkedReferences({ replyTo, mentions }: SendOptions): {
  readonly replyTo?: MessageReply;
  readonly mentions?: Mentions;
} {
  if (replyTo !== undefined && !isSeq(replyTo.seq)) throw badSeq(replyTo.seq);
  const isList = Array.isArray(mentions) && mentions.length > 0 && mentions.every((id) => typeof id === 'string');
  if (mentions !== undefined && mentions !== 'all' && !isList) {
    throw badRequest(`mentions are user ids, at least one, or "all", not ${shown(mentions)}`);
  }
  return {
    replyTo: replyTo && (copyOf(replyTo, 'replyTo', depthMax) as MessageReply),
    mentions: isList ? [...new Set(mentions)] : mentions,
  };
}

/** A change as it is kept and sent. Throws ClientError `bad_request`. */
export function checkedChange(conversationId: ConversationId, change: StateContent): Content {
  checkedTarget({ conversationId });
  const content = copyOf(change, 'change', depthMax + 1) as Content;
  const { target_seq: seq, key, op } = content;
  if (!isSeq(seq)) throw badSeq(seq);
  if (content.type !== 'hongyan.reaction') return content;
  if (typeof key !== 'string' || key === '') throw badRequest(`the key is an emoji or a name, not ${shown(key)}`);
  if (op !== 'add' && op !== 'remove') throw badRequest(`the op is "add" or "remove", not ${shown(op)}`);
  return content;
}

/** Throws ClientError `bad_request`. */
export const checkedPrivateChange = (change: PrivateChange): PrivateChange =>
  copyOf(change, 'change', depthMax) as PrivateChange;

/** 0 is before the first message. Anything else than a number would mark as read, or look for a page, without an end. Throws ClientError `bad_request`. */
export function checkPosition(name: string, value: unknown): void {
  if (value === 0 || isSeq(value)) return;
  throw badRequest(`the ${name} is a number from 0 on, not ${shown(value)}`);
}

/** A copy. Throws ClientError `bad_request`. */
export function checkedHistory({ conversationId, ...bounds }: HistoryRequest): HistoryRequest {
  for (const [name, value] of Object.entries(bounds)) if (value !== undefined) checkPosition(name, value);
  return { conversationId, ...bounds };
}

/** Of values that JSON carries; the order of keys does not count. */
export const isSameJson = (a: unknown, b: unknown): boolean => sortedJson(a) === sortedJson(b);

const sortedJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort())
      : part,
  );

function copyOf(value: unknown, path: string, depthLeft: number): unknown {
  switch (typeof value) {
    case 'string':
      checkWellFormed(path, value);
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw uncarried(path, value, 'send it as a string');
      return value;
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : copyOfObject(value, path, depthLeft);
    case 'undefined':
      throw uncarried(path, value, 'leave the field out');
    default:
      throw uncarried(path, `a ${typeof value}`, 'send it as a string');
  }
}

function copyOfObject(value: object, path: string, depthLeft: number): unknown {
  if (depthLeft === 0) throw badRequest(`${path} is nested deeper than ${depthMax} levels`);
  if ('toJSON' in value && typeof value.toJSON === 'function') return copyOf(value.toJSON(), path, depthLeft - 1);
  // A hole reads as undefined.
  if (Array.isArray(value)) return Array.from(value, (item, index) => copyOf(item, `${path}[${index}]`, depthLeft - 1));
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    throw uncarried(path, `a ${value.constructor.name}`, 'send an array or an object');
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => {
      checkWellFormed(`a key of ${path}`, key);
      return [key, copyOf(field, `${path}.${key}`, depthLeft - 1)];
    }),
  );
}

const uncarried = (path: string, what: unknown, advice: string) =>
  badRequest(`${path} is ${what}, which JSON cannot carry: ${advice}`);
const isSeq = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1;
const badSeq = (value: unknown) =>
  badRequest(`the message is named by its seq, a number from 1 on, not by ${shown(value)}`);

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 64));
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : `an object with the keys [${Object.keys(value).slice(0, 8).join(', ')}]`;
}
