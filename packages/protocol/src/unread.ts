// How many messages a member has yet to read: one rule for the server and the client library. No dependency at run time.

import type { Seq } from './ids.ts';

/**
 * [E3] Messages count from here on: what the member has read, what the member has answered, and what the member may not see are
 * behind it. A read position says what stood on a screen; writing moves only this point, not the position that others see.
 */
export function unreadFrom(member: { readonly readSeq: Seq; readonly sentSeq: Seq; readonly firstSeq: Seq }): Seq {
  return Math.max(member.readSeq, member.sentSeq, member.firstSeq - 1) as Seq;
}

/** [E3] `countAtStart`: the count of the entry at `unreadFrom`; `recalled`: messages after it that were recalled. */
export function unreadCount(counts: {
  readonly lastCount: number;
  readonly countAtStart: number;
  readonly recalled: number;
}): number {
  return Math.max(0, counts.lastCount - counts.countAtStart - counts.recalled);
}
