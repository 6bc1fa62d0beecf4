// How ids are compared: without regard to the case of ASCII letters.

import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { MemberKey } from '../conversations.ts';

/** Ids are ASCII, so that this folds nothing else. */
export const keyOf = (id: UserId | ConversationId): string => id.toLowerCase();

/** One text for the key of a member; no id holds a space. */
export const memberKeyOf = ({ conversationId, userId }: MemberKey): string =>
  `${keyOf(conversationId)} ${keyOf(userId)}`;

/** The keys of members, each once, in the order of the rows: transactions that lock several rows lock them in one order. */
export function sortedKeys(keys: readonly MemberKey[]): [conversationKey: string, userKey: string][] {
  const pairs = new Map<string, [string, string]>();
  for (const key of keys) pairs.set(memberKeyOf(key), [keyOf(key.conversationId), keyOf(key.userId)]);
  return [...pairs.values()].sort(byKeys);
}

/** Of rows whose first columns are their key: the order in which the server compares them, by bytes, column by column. */
export function byKeys(one: readonly (string | number)[], other: readonly (string | number)[]): number {
  for (const [index, value] of one.entries()) {
    const against = other[index] ?? '';
    if (value !== against) return value < against ? -1 : 1;
  }
  return 0;
}

/** Keyed by the ids as the caller gave them: the stored ones may differ in case. */
export function asAsked<Id extends UserId | ConversationId, T>(
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
