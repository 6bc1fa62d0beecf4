// The open conversation, kept in the address (#d:alice:bob), so that the back button closes it and a reload keeps it.

import type { ConversationId } from '@hongyan/client/api';
import { Signal } from './signal.ts';

export const route = new Signal<ConversationId | undefined>(fromAddress());

window.addEventListener('hashchange', () => route.set(fromAddress()));

export function openConversation(conversationId: ConversationId): void {
  location.hash = conversationId;
}

/** Back to the list, with the focus where it was in it. */
export function closeConversation(): void {
  const closed = route.get();
  if (closed === undefined) return;
  location.hash = '';
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`a[href="${CSS.escape(`#${closed}`)}"]`)?.focus());
}

export const conversationHref = (conversationId: ConversationId): string => `#${conversationId}`;

function fromAddress(): ConversationId | undefined {
  const hash = decodeURIComponent(location.hash.slice(1));
  return /^[dg]:./.test(hash) ? (hash as ConversationId) : undefined;
}
