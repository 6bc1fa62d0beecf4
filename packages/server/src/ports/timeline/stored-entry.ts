// Makes the stored entry from a new entry, its seq and its count.

import type { Seq } from '@hongyan/protocol/ids';
import type { NewEntry, StoredEntry } from './timeline.ts';

/** Every field is written out, so that all entries have one hidden class: most of the memory of a timeline is these objects. */
export function storedOf(entry: NewEntry, seq: Seq, count: number): StoredEntry {
  const { msgId, conversationId, from, clientMsgId, timestampMs, contentJson, isCounted, references, target } = entry;
  return {
    msgId,
    conversationId,
    from,
    clientMsgId,
    timestampMs,
    contentJson,
    isCounted,
    seq,
    count,
    referencesJson: references?.json,
    targetSeq: target?.seq,
  };
}
