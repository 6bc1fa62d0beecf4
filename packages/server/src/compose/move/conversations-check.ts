// Reads conversations on both sides, by what everyone reads them with, and compares a hash of each: over every entry and every state.

import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { StoredEntry, TimelineReads } from '../../ports/timeline/timeline.ts';

/** A conversation, or the end of it. */
export interface Extent {
  readonly conversationId: ConversationId;
  readonly fromSeq: number;
  readonly throughSeq: number;
  /** Changes of messages up to here are on both sides. */
  readonly changedThroughSeq: number;
}

export interface CheckResult {
  readonly entries: number;
  /** Messages that have another state here than there, though no entry of the extent says so. */
  readonly staleStates: readonly { readonly conversationId: ConversationId; readonly seq: Seq }[];
}

const pageSize = 500;

/** Rejects, naming conversation and seq, when the two differ in an entry. */
export async function checkConversation(
  { conversationId, fromSeq, throughSeq, changedThroughSeq }: Extent,
  { here, there }: { readonly here: TimelineReads; readonly there: TimelineReads },
): Promise<CheckResult> {
  const staleStates: { conversationId: ConversationId; seq: Seq }[] = [];
  let entries = 0;
  for (let afterSeq = fromSeq - 1; afterSeq < throughSeq; ) {
    const limit = Math.min(pageSize, throughSeq - afterSeq);
    const request = { conversationId, afterSeq: afterSeq as Seq, limit, withTargeted: true };
    const [source, target] = [
      (await there.range(request)).entries.filter(({ seq }) => seq <= throughSeq),
      (await here.range(request)).entries.filter(({ seq }) => seq <= throughSeq),
    ];
    if (hashOf(source) !== hashOf(target)) throw difference(conversationId, source, target);
    const [first, last] = [source.at(0), source.at(-1)];
    if (first === undefined || last === undefined) break;
    const range = { conversationId, fromSeq: first.seq, throughSeq: last.seq };
    const [[before], [after]] = [await there.states([range]), await here.states([range])];
    for (const [seq, { asOfSeq, stateJson }] of before ?? []) {
      // What an entry behind these says of a message comes with it.
      const copied = after?.get(seq);
      if (asOfSeq <= changedThroughSeq && (copied?.asOfSeq !== asOfSeq || copied.stateJson !== stateJson))
        staleStates.push({ conversationId, seq });
    }
    entries += source.length;
    afterSeq = last.seq;
  }
  return { entries, staleStates };
}

function hashOf(entries: readonly StoredEntry[]): string {
  const hash = new Bun.CryptoHasher('sha1');
  for (const entry of entries) hash.update(textOf(entry));
  return hash.digest('hex');
}

const textOf = (entry: StoredEntry): string =>
  JSON.stringify([
    ...[entry.seq, entry.msgId, entry.from, entry.clientMsgId, entry.timestampMs, entry.contentJson, entry.isCounted],
    ...[entry.count, entry.referencesJson ?? null, entry.targetSeq ?? null],
  ]);

function difference(id: ConversationId, source: readonly StoredEntry[], target: readonly StoredEntry[]): Error {
  const copied = new Map(target.map((entry) => [entry.seq, textOf(entry)]));
  const first = source.find((entry) => copied.get(entry.seq) !== textOf(entry)) ?? target[source.length];
  const what = first && !copied.has(first.seq) ? 'is not in the cluster' : 'differs in the cluster';
  return new ContentDiffers(`conversation ${id}, seq ${first?.seq}: the entry ${what}`);
}

/** It may have been changed between the two reads. */
export class ContentDiffers extends Error {
  override readonly name = 'ContentDiffers';
}
