// The msg_ids at a few of the seqs that were shown. When the store was put back from a backup, they show up to which seq its timeline
// is still the timeline that this device has shown. Pure.

import type { MsgId, Seq } from '@hongyan/protocol/ids';

export interface Anchor {
  readonly seq: Seq;
  readonly msgId: MsgId;
}

/** `anchors` newest first; so is the result. A seq that is not behind the newest is ignored. Some three remain for each power of four. */
export function withAnchor(anchors: readonly Anchor[], next: Anchor): readonly Anchor[] {
  if (next.seq <= (anchors[0]?.seq ?? 0)) return anchors;
  // The oldest stays: behind it this device has shown nothing.
  const isKept = ({ seq }: Anchor, index: number) => next.seq - seq < reachOf(seq) || index === anchors.length - 1;
  return [next, ...anchors.filter(isKept)];
}

const base = 4;

/** The higher the power of four that divides a seq, the longer its anchor stays: dense near the newest, sparse far back. */
function reachOf(seq: Seq): number {
  let reach = base;
  while (seq % reach === 0) reach *= base;
  return reach;
}
