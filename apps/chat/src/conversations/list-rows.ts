// The rows of the list: pinned conversations, the others, and the archived ones behind a row that folds them out. Pure.

import type { ConversationId, ConversationView } from '@hongyan/client/api';

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

/** [E24] */
export const unreadTotal = (conversations: readonly ConversationView[]): number =>
  conversations.reduce((sum, one) => sum + (one.isMuted ? 0 : one.unread), 0);

const rowOf = (conversation: ConversationView): ListRow => ({
  type: 'conversation',
  id: conversation.conversationId,
  conversation,
});
