// What an entry is to an application: a message, a notice that stands between messages, or a change of an earlier message. Pure.

import type { Content, Entry } from './wire.ts';

/** An entry as it arrived; the acks of this device's own entries carry no count. */
export type ArrivedEntry = Omit<Entry, 'count'> & { readonly count?: number };

export type EntryKind =
  /** Counted [E1]. */
  | 'message'
  /** A change of members or title, or one that only a later version knows. */
  | 'notice'
  /** Of a message. */
  | 'change'
  /** A change that a later recall of its message erased. */
  | 'erased';

/** The prefix is reserved for the server, so no message has it. */
const statePrefix = 'hongyan.';
export const recalledType = 'hongyan.recalled';

/** `countBefore` of the entry before it, where known: an erased content does not say whether a message or an edit had it. */
export function kindOf({ content, count }: ArrivedEntry, countBefore: number | undefined): EntryKind {
  if (content.type === recalledType) return count !== undefined && count === countBefore ? 'erased' : 'message';
  if (isMessage(content)) return 'message';
  return Number.isSafeInteger(content.target_seq) ? 'change' : 'notice';
}

/** Of what history lists. */
export const isMessage = ({ type }: Content): boolean => type === recalledType || !type.startsWith(statePrefix);
