// The rows of the list: pinned conversations, the others, and the archived ones behind a row that folds them out. Pure.

import type { ClientMessage, ConversationId, ConversationView } from '@hongyan/client/api';

export type ListRow =
  | { readonly type: 'conversation'; readonly id: ConversationId; readonly conversation: ConversationView }
  | { readonly type: 'archive'; readonly id: typeof archiveId; readonly count: number; readonly unread: number };

/** Not the form of a conversation's id. */
export const archiveId = 'archive';

/** `found` is in the order of activity, which remains within each part. What is searched for is found in the archive too. */
export function listRows(
  found: readonly ConversationView[],
  { isSearch, isArchiveOpen }: { readonly isSearch: boolean; readonly isArchiveOpen: boolean },
): readonly ListRow[] {
  if (isSearch) return found.map(rowOf);
  const archived = found.filter((one) => one.isArchived);
  const others = found.filter((one) => !one.isArchived);
  const rows = [...others.filter((one) => one.isPinned), ...others.filter((one) => !one.isPinned)].map(rowOf);
  if (archived.length === 0) return rows;
  const fold: ListRow = { type: 'archive', id: archiveId, count: archived.length, unread: unreadTotal(archived) };
  return [...rows, fold, ...(isArchiveOpen ? archived.map(rowOf) : [])];
}

/** A direct conversation is listed once it has an entry: opening a chat puts no empty row into the other user's list. */
export const isListed = ({ kind, lastSeq, isPinned }: ConversationView): boolean =>
  kind !== 'direct' || lastSeq > 0 || isPinned;

/** Conversations with a queued message come first, the latest on top: the server's time, which gives the order, is not known yet. */
export function waitingFirst(
  conversations: readonly ConversationView[],
  outbox: readonly ClientMessage[],
): readonly ConversationView[] {
  const queued = outbox.filter(({ status }) => status === 'queued');
  if (queued.length === 0) return conversations;
  const lastAt = new Map(queued.map(({ conversationId }, at) => [conversationId, at]));
  const placeOf = ({ conversationId }: ConversationView) => lastAt.get(conversationId) ?? -1;
  return conversations.toSorted((a, b) => placeOf(b) - placeOf(a));
}

/** [E24] */
export const unreadTotal = (conversations: readonly ConversationView[]): number =>
  conversations.reduce((sum, one) => sum + (one.isMuted ? 0 : one.unread), 0);

const rowOf = (conversation: ConversationView): ListRow => ({
  type: 'conversation',
  id: conversation.conversationId,
  conversation,
});
