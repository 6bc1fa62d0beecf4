// What a new entry becomes when it has its place.

import type { Seq } from '@hongyan/protocol/ids';
import type { NewEntry, StoredEntry } from './timeline.ts';

/** Every field is written out: most of what is in memory are these, and objects of one shape are small. */
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
