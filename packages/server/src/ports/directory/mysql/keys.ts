// The keys by which ids are compared: without regard to the case of ASCII letters.

import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { MemberKey } from '../conversations.ts';

/** Ids are ASCII, so that this changes only ASCII letters. */
export const keyOf = (id: UserId | ConversationId): string => id.toLowerCase();

/** The key of a member as one text. Ids contain no space. */
export const memberKeyOf = ({ conversationId, userId }: MemberKey): string =>
  `${keyOf(conversationId)} ${keyOf(userId)}`;

/** The keys of members, without duplicates and in the order of the rows, because all transactions lock rows in that order. */
export function sortedKeys(keys: readonly MemberKey[]): [conversationKey: string, userKey: string][] {
  const pairs = new Map<string, [string, string]>();
  for (const key of keys) pairs.set(memberKeyOf(key), [keyOf(key.conversationId), keyOf(key.userId)]);
  return [...pairs.values()].sort(byKeys);
}

/** Compares rows by their leading key columns as the server does: by bytes, column by column. */
export function byKeys(one: readonly (string | number)[], other: readonly (string | number)[]): number {
  for (const [index, value] of one.entries()) {
    const against = other[index] ?? '';
    if (value !== against) return value < against ? -1 : 1;
  }
  return 0;
}

/** Keys the values by the requested ids, because the stored ones may differ in case. */
export function byRequestedId<Id extends UserId | ConversationId, T>(
  ids: readonly Id[],
  byKey: ReadonlyMap<string, T>,
): ReadonlyMap<Id, T> {
  const found = new Map<Id, T>();
  for (const id of ids) {
    const value = byKey.get(keyOf(id));
    if (value !== undefined) found.set(id, value);
  }
  return found;
}
