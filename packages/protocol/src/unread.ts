// The number of unread messages: one rule for the server and the client library. No dependency at run time.

import type { Seq } from './ids.ts';

/**
 * [E3] Unread messages follow this seq. It is the maximum of what the member has read, has sent, and may not see. Sending moves only this
 * seq, not the read position that others see.
 */
export function unreadFrom(member: { readonly readSeq: Seq; readonly sentSeq: Seq; readonly firstSeq: Seq }): Seq {
  return Math.max(member.readSeq, member.sentSeq, member.firstSeq - 1) as Seq;
}

/** [E3] `countAtStart`: the count of the entry at `unreadFrom`. `recalled`: recalled messages after it. */
export function unreadCount(counts: {
  readonly lastCount: number;
  readonly countAtStart: number;
  readonly recalled: number;
}): number {
  return Math.max(0, counts.lastCount - counts.countAtStart - counts.recalled);
}
