// The open conversation, kept in the address (#d:alice:bob), so that the back button closes it and a reload keeps it.

import type { ConversationId } from '@hongyan/client/api';
import { Signal } from './signal.ts';

export const route = new Signal<ConversationId | undefined>(fromAddress());

window.addEventListener('hashchange', () => route.set(fromAddress()));

export function openConversation(conversationId: ConversationId): void {
  location.hash = conversationId;
}

/** Back to the list. */
export function closeConversation(): void {
  if (route.get() !== undefined) location.hash = '';
}

export const conversationHref = (conversationId: ConversationId): string => `#${conversationId}`;

function fromAddress(): ConversationId | undefined {
  const hash = decodeURIComponent(location.hash.slice(1));
  return /^[dg]:./.test(hash) ? (hash as ConversationId) : undefined;
}
