// What replies show of the messages that they answer, as these are now [E7].

import type { Content } from '@hongyan/protocol/content';
import type { Reply } from '@hongyan/protocol/entry';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { decodeReferences, quoteOf } from '../../domain/message-references.ts';
import { decodeState } from '../../domain/stored-state.ts';
import type { StoredEntry, TimelineReads } from '../../ports/timeline/timeline.ts';

/** By the seq of the message that is answered; without those that are not kept. */
export type Quotes = ReadonlyMap<Seq, Reply>;

export const noQuotes: Quotes = new Map();

/** Two questions to the timeline, however many are asked for. */
export async function readQuotes(
  timeline: TimelineReads,
  conversationId: ConversationId,
  seqs: readonly Seq[],
): Promise<Quotes> {
  if (seqs.length === 0) return noQuotes;
  const [messages, states] = await Promise.all([
    timeline.messagesAt(seqs.map((seq) => ({ conversationId, seq }))),
    timeline.states(seqs.map((seq) => ({ conversationId, fromSeq: seq, throughSeq: seq }))),
  ]);
  const quotes = new Map<Seq, Reply>();
  for (const [index, message] of messages.entries()) {
    if (message === undefined) continue;
    const { seq, from, contentJson } = message;
    const state = states[index]?.get(seq);
    const content = JSON.parse(contentJson) as Content;
    const changed = state && { asOfSeq: state.asOfSeq, state: decodeState(state.stateJson) };
    quotes.set(seq, quoteOf({ seq, from, content }, changed));
  }
  return quotes;
}

/** The messages that these answer. */
export function answeredBy(entries: readonly StoredEntry[]): readonly Seq[] {
  const seqs = new Set<Seq>();
  for (const { referencesJson } of entries) {
    const replyTo = referencesJson === undefined ? undefined : decodeReferences(referencesJson).replyTo;
    if (replyTo !== undefined) seqs.add(replyTo);
  }
  return [...seqs];
}
