// What this library relies on in what a server sends, checked before it is used. Written by hand: schemas would be a dependency at
// run time.

import type { Down } from '@hongyan/protocol/down';
import type { Conversation } from './wire.ts';

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === 'string';
const number: Check = (value) => Number.isFinite(value);
const flag: Check = (value) => typeof value === 'boolean';
const duration: Check = (value) => Number.isFinite(value) && (value as number) > 0;
const seq: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
function object(fields: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(fields);
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    checks.every(([name, check]) => check((value as Record<string, unknown>)[name]));
}

const list = listOf(text);
const typed = object({ type: text });
const reply = object({ seq, from: optional(text), content: optional(typed), as_of_seq: optional(seq) });

const entry = object({
  ...{ msg_id: text, conversation_id: text, seq, from: text, content: typed },
  ...{
    timestamp: number,
    client_msg_id: text,
    status: text,
    count: seq,
    edited: optional(seq),
    as_of_seq: optional(seq),
  },
  reply_to: optional(reply),
  mentions: optional((value) => value === 'all' || list(value)),
  reactions: optional(listOf(object({ key: text, count: seq }))),
});
const page = object({ id: number, entries: listOf(entry), first_seq: seq, last_seq: seq });
const summaryFields = {
  ...{ kind: text, title: optional(text), members: optional(list), member_count: number },
  ...{ created_at: number, history_visible: flag, rules: object({ post: text, add: text, mention_all: text }) },
};
const conversation = object({
  ...summaryFields,
  ...{ conversation_id: text, last_seq: seq, first_seq: seq, delivered_seq: seq, read_seq: seq, role: text },
  ...{ last_count: seq, unread: seq, unread_mentions: seq },
  last_message: optional(entry),
});
const limits = object({ frame_bytes_max: optional(duration) });

const frames: ReadonlyMap<unknown, Check> = new Map<Down['type'], Check>([
  ['welcome', object({ user_id: text, heartbeat_ms: duration, limits, epoch: text, bundles: optional(flag) })],
  ['ack', object({ id: number, msg_id: text, conversation_id: text, seq, timestamp: number, status: text })],
  ['sync_result', object({ id: number, conversations: listOf(conversation), cursor: text })],
  ['history_result', page],
  ['catch_up_result', page],
  ['private_state_result', object({ id: number, as_of_seq: seq, items: listOf(object({ seq, change: typed })) })],
  ['presence_result', object({ id: number, users: listOf(object({ user_id: text })) })],
  ['message', entry],
  ['entry', entry],
  ['sent', object({ client_msg_id: text })],
  ['receipt', object({ conversation_id: text, user_id: text, delivered_seq: seq, read_seq: seq })],
  ['conversation', object({ conversation_id: text, change: text, conversation: object(summaryFields) })],
  ['typing', object({ conversation_id: text, user_id: text })],
  ['presence', object({ user_id: text })],
  ['notice', object({ notice_id: text, text, severity: text, until: number })],
  ['going_away', object({ reconnect_after_ms: number })],
  ['error', object({ code: text, message: text, retry_after_ms: optional(number) })],
]);

/** The frames of a WebSocket message: a single frame, or an array of them. Throws for anything else. */
export function readFrames(message: string): readonly Down[] {
  const value: unknown = JSON.parse(message);
  const list = Array.isArray(value) ? value : [value];
  for (const frame of list) {
    if (!isFrame(frame)) throw new TypeError(`not a frame: ${(JSON.stringify(frame) ?? '').slice(0, 200)}`);
  }
  return list as Down[];
}

/** Also for types this version does not know: those are ignored. */
function isFrame(value: unknown): value is Down {
  return typed(value) && (frames.get((value as Down).type)?.(value) ?? true);
}

export function isConversation(value: unknown): value is Conversation {
  return conversation(value);
}
