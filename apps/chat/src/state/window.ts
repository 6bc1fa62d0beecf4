// Pure rules of the loaded window: committed messages ascending by seq, each once, without holes.

import type { ClientMessage } from '@hongyan/client/api';

/** The window and a page that touches or overlaps it, as one. */
export function join(window: readonly ClientMessage[], page: readonly ClientMessage[]): readonly ClientMessage[] {
  const first = window[0]?.seq;
  const last = window.at(-1)?.seq;
  if (first === undefined || last === undefined) return page;
  const older = page.filter((message) => message.seq !== undefined && message.seq < first);
  const newer = page.filter((message) => message.seq !== undefined && message.seq > last);
  return older.length + newer.length === 0 ? window : [...older, ...window, ...newer];
}

/** The window with those messages that continue it at its end; `rest` are the ones beyond a hole. */
export function extend(
  window: readonly ClientMessage[],
  arrived: readonly ClientMessage[],
): { readonly messages: readonly ClientMessage[]; readonly rest: ClientMessage[] } {
  const ascending = arrived.filter((message) => message.seq !== undefined).sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  const added: ClientMessage[] = [];
  const rest: ClientMessage[] = [];
  let last = window.at(-1)?.seq;
  for (const message of ascending) {
    const seq = message.seq ?? 0;
    if (last !== undefined && seq <= last) continue;
    // An empty window starts where the first message is: its conversation was empty when it was loaded.
    if (rest.length === 0 && (last === undefined || seq === last + 1)) {
      added.push(message);
      last = message.seq;
    } else rest.push(message);
  }
  return { messages: added.length === 0 ? window : [...window, ...added], rest };
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
