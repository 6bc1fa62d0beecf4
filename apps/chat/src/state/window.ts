// Pure rules of the loaded window: committed messages ascending by seq, each once, without holes.

import type { ClientMessage, MessageChange, UserId } from '@hongyan/client/api';
import { applyChange } from '@hongyan/client/apply-change';

/** The window and a page that touches or overlaps it, as one. */
export function join(window: readonly ClientMessage[], page: readonly ClientMessage[]): readonly ClientMessage[] {
  const first = window[0]?.seq;
  const last = window.at(-1)?.seq;
  if (first === undefined || last === undefined) return page;
  const older = page.filter((message) => message.seq !== undefined && message.seq < first);
  const newer = page.filter((message) => message.seq !== undefined && message.seq > last);
  return older.length + newer.length === 0 ? window : [...older, ...window, ...newer];
}

/** What arrived: a message, or a change of one. Every seq of a conversation is one of the two. */
export type Arrived = { readonly seq: number } & (
  | { readonly message: ClientMessage; readonly change?: undefined }
  | { readonly change: MessageChange; readonly message?: undefined }
);

/**
 * The window with what continues it after `throughSeq`, up to which it is complete; `rest` is beyond a hole. A change applies
 * wherever its message stands: the rule about what it contains already is the library's.
 */
export function extend(
  window: readonly ClientMessage[],
  {
    throughSeq,
    arrived,
    self,
  }: { readonly throughSeq: number; readonly arrived: readonly Arrived[]; readonly self: UserId },
): { readonly messages: readonly ClientMessage[]; readonly throughSeq: number; readonly rest: Arrived[] } {
  const added: ClientMessage[] = [];
  const changes: MessageChange[] = [];
  const rest: Arrived[] = [];
  let through = throughSeq;
  for (const item of arrived.toSorted((one, other) => one.seq - other.seq)) {
    const isNext = item.seq === through + 1;
    if (item.message && isNext) added.push(item.message);
    if (item.change && item.seq <= through + 1) changes.push(item.change);
    if (isNext) through++;
    else if (item.seq > through) rest.push(item);
  }
  let messages = added.length === 0 ? window : [...window, ...added];
  for (const change of changes) messages = withChange(messages, change, self);
  return { messages, throughSeq: through, rest };
}

/** Of the message that is its target, and of what quotes it. */
function withChange(window: readonly ClientMessage[], change: MessageChange, self: UserId): readonly ClientMessage[] {
  const target = change.content.target_seq;
  let hasChanged = false;
  const messages = window.map((message) => {
    if (message.seq !== target && message.replyTo?.seq !== target) return message;
    const changed = applyChange(message, change, self);
    hasChanged ||= changed !== message;
    return changed;
  });
  return hasChanged ? messages : window;
}

/** Those of `candidates` that the end of the window does not show, each once. */
export function missing(
  window: readonly ClientMessage[],
  candidates: readonly ClientMessage[],
): readonly ClientMessage[] {
  if (candidates.length === 0) return none;
  const shown = new Set(window.slice(-shownBackMax).map(keyOf));
  return candidates.filter((message) => {
    const key = keyOf(message);
    if (shown.has(key)) return false;
    shown.add(key);
    return true;
  });
}

/** The same before and after the ack, so that a row keeps its place on the screen: [D3] makes it one message. */
export function keyOf(message: ClientMessage): string {
  const known = keys.get(message);
  if (known !== undefined) return known;
  const key = `${message.from} ${message.clientMsgId}`;
  keys.set(message, key);
  return key;
}

/** The list asks for the keys of all rows whenever one is added. */
const keys = new WeakMap<ClientMessage, string>();

const none: readonly ClientMessage[] = [];
/** An outbox message that is committed stands among the newest; further back is not searched. */
const shownBackMax = 2_000;
