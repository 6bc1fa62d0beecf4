// Quotes in replies: the replied messages in their present form [E7].

import type { Content } from '@hongyan/protocol/content';
import type { Reply } from '@hongyan/protocol/entry';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { decodeReferences, quoteOf } from '../../domain/message-references.ts';
import { decodeState } from '../../domain/stored-state.ts';
import type { StoredEntry, TimelineReads } from '../../ports/timeline/timeline.ts';

/** By the seq of the replied message, without messages that are no longer retained. */
export type Quotes = ReadonlyMap<Seq, Reply>;

export const noQuotes: Quotes = new Map();

/** Two queries to the timeline, whatever the number of quotes. */
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

/** The seqs of the messages that these entries reply to. */
export function repliedSeqs(entries: readonly StoredEntry[]): readonly Seq[] {
  const seqs = new Set<Seq>();
  for (const { referencesJson } of entries) {
    const replyTo = referencesJson === undefined ? undefined : decodeReferences(referencesJson).replyTo;
    if (replyTo !== undefined) seqs.add(replyTo);
  }
  return [...seqs];
}
