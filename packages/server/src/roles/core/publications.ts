// Bus events about entries: frames for the subscribers of a conversation, and reports of possible losses.

import type { DownOf } from '@hongyan/protocol/down';
import type { ClientMsgId, ConversationId, UserId } from '@hongyan/protocol/ids';
import { type BusEvent, type Topic, userTopic } from '../../ports/event-bus/event-bus.ts';
import type { AppendResult, StoredEntry } from '../../ports/timeline/timeline.ts';
import { type Audiences, topicsOf } from './audience.ts';
import type { BatchSpans } from './batch-spans.ts';
import type { DecidedEntry } from './decided.ts';
import { entryFrame } from './entry-frame.ts';
import { seenFrom } from './entry-view.ts';
import type { Members } from './membership-cache.ts';

/**
 * One event per topic for each committed entry. Duplicates are skipped: they were published when they were first committed.
 * `shown` says of each entry which message it quotes, and who may see it, if not all members.
 */
export function publications(
  results: readonly AppendResult[],
  audiences: Pick<Audiences, 'topicsOf'> = { topicsOf },
  shown: readonly Pick<DecidedEntry, 'quote' | 'audience'>[] = [],
  spans?: BatchSpans,
): BusEvent[] {
  const events: BusEvent[] = [];
  for (const [index, { type, entry }] of results.entries())
    if (type === 'committed') {
      const { quote, audience } = shown[index] ?? {};
      if (audience) {
        events.push(...publicationsTo(audience, entry));
        continue;
      }
      const frame = entryFrame(entry, quote);
      const trace = spans?.published(index);
      for (const topic of audiences.topicsOf(entry.conversationId))
        events.push(trace === undefined ? { type: 'frame', topic, frame } : { type: 'frame', topic, frame, trace });
    }
  return events;
}

/** Publishes the entry on the user topic of each member, as that member may see it. */
function publicationsTo(members: Members, entry: StoredEntry): BusEvent[] {
  const whole = entryFrame(entry);
  return members.flatMap(({ userId, visibleFromSeq }) => {
    const seen = seenFrom(visibleFromSeq, entry);
    return frameEvents([userTopic(userId)], seen === entry ? whole : entryFrame(seen));
  });
}

/** Entries of these conversations may never have been published: their subscribers catch up. */
export function losses(conversationIds: Iterable<ConversationId>): BusEvent[] {
  const topics = new Set([...new Set(conversationIds)].flatMap(topicsOf));
  return [...topics].map((topic) => ({ type: 'lost', topic }));
}

/** [K10] A `sent` frame for the sender of each command. Commands without a client_msg_id have none. */
export const sentEvents = (
  commands: readonly {
    readonly conversationId: ConversationId;
    readonly from: UserId;
    readonly clientMsgId?: ClientMsgId | undefined;
  }[],
): BusEvent[] =>
  commands.flatMap(({ conversationId, from, clientMsgId }) => {
    if (clientMsgId === undefined) return [];
    const frame: DownOf<'sent'> = { type: 'sent', conversation_id: conversationId, client_msg_id: clientMsgId };
    return frameEvents([userTopic(from)], JSON.stringify(frame));
  });

export const frameEvents = (topics: readonly Topic[], frame: string): BusEvent[] =>
  topics.map((topic) => ({ type: 'frame', topic, frame }));
