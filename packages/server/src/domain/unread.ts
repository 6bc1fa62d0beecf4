// How many entries a member has yet to read.

/** Entries beyond the read position, of those the member can see. */
export function unreadCount({
  lastSeq,
  readSeq,
  firstSeq,
}: {
  readonly lastSeq: number;
  readonly readSeq: number;
  readonly firstSeq: number;
}): number {
  return Math.max(0, lastSeq - Math.max(readSeq, firstSeq - 1));
}
