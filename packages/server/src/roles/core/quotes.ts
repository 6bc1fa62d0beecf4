// Quotes in replies: the replied messages in their present form [E7].

import type { Content } from '@hongyan/protocol/content';
import type { Reply } from '@hongyan/protocol/entry';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { decodeReferences, quoteOf } from '../../domain/message-references.ts';
import { decodeState } from '../../domain/stored-state.ts';
import type { MessageState, StoredEntry, TimelineReads } from '../../ports/timeline/timeline.ts';

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
    quotes.set(message.seq, quoteFrom(message, states[index]?.get(message.seq)));
  }
  return quotes;
}

export function quoteFrom({ seq, from, contentJson }: StoredEntry, state: MessageState | undefined): Reply {
  const content = JSON.parse(contentJson) as Content;
  const changed = state && { asOfSeq: state.asOfSeq, state: decodeState(state.stateJson) };
  return quoteOf({ seq, from, content }, changed);
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
