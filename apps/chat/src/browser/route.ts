// The open conversation, kept in the address (#d:alice:bob), so that the back button closes it and a reload keeps it.

import type { ConversationId } from '@hongyan/client/api';
import { Signal } from '../state/signal.ts';

export const route = new Signal<ConversationId | undefined>(undefined);

/** Reads the address, now and whenever it changes. */
export function startRoute(): void {
  const read = () => route.set(conversationIn(location.hash));
  read();
  window.addEventListener('hashchange', read);
}

export function openConversation(conversationId: ConversationId): void {
  location.hash = conversationId;
}

/**
 * Back to the list, with the focus where it was in it. The list takes the entry of the browser's history: whoever goes back must not
 * come again to a conversation that closes itself, since the user is no member any more.
 */
export function closeConversation(): void {
  const closed = route.get();
  if (closed === undefined) return;
  location.replace('#');
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`a[href="${CSS.escape(`#${closed}`)}"]`)?.focus());
}

export const conversationHref = (conversationId: ConversationId): string => `#${conversationId}`;

/** undefined for anything that names no conversation, such as a link that was cut in the middle of an escape. */
export function conversationIn(hash: string): ConversationId | undefined {
  const name = decoded(hash.replace(/^#/, ''));
  return name !== undefined && /^[dg]:./.test(name) ? (name as ConversationId) : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // no UTF-8 in percent escapes: no address that this page made
  }
}
