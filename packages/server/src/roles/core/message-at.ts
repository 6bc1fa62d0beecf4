// A message by its place, for those who change it or ask about it.

import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Range, StoredEntry, TimelineReads } from '../../ports/timeline/timeline.ts';

/** `message` is undefined where the seq is of no message: none, not kept any more, or of a state entry. */
export async function messageAt(
  timeline: TimelineReads,
  conversationId: ConversationId,
  seq: Seq,
): Promise<Pick<Range, 'lastSeq'> & { readonly message: StoredEntry | undefined }> {
  const { entries, lastSeq } = await timeline.range({ conversationId, afterSeq: (seq - 1) as Seq, limit: 1 });
  const [entry] = entries;
  return { lastSeq, message: entry?.seq === seq && entry.isCounted ? entry : undefined };
}
