// The id of a direct conversation, and the members it names. No dependency at run time: the client library imports it.

import type { ConversationId, UserId } from './ids.ts';

/** `a` and `b` may be equal: that is a note to self. */
export function directConversationId(a: UserId, b: UserId): ConversationId {
  return (a <= b ? `d:${a}:${b}` : `d:${b}:${a}`) as ConversationId;
}

export const isDirect = (conversationId: ConversationId): boolean => conversationId.startsWith('d:');

/** The other member of a direct conversation, the sender in a note to self; undefined for other kinds and unsorted ids. */
export function recipientOf(conversationId: ConversationId, from: UserId): UserId | undefined {
  const pair = directMembers(conversationId);
  return pair && (pair[0] === from ? pair[1] : pair[0]);
}

/** The two members of a direct conversation (equal for a note to self); undefined for other kinds and unsorted ids. */
export function directMembers(conversationId: ConversationId): readonly [UserId, UserId] | undefined {
  if (!isDirect(conversationId)) return undefined;
  const separator = conversationId.indexOf(':', 2);
  const a = conversationId.slice(2, separator) as UserId;
  const b = conversationId.slice(separator + 1) as UserId;
  return a <= b ? [a, b] : undefined;
}
