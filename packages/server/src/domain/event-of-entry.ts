// Builds the event of a timeline entry in two parts. The first part is stored in the event log. The second part contains the text and is
// read again at each delivery, so that no copy of a recalled text remains outside of the timeline [E5, W1]. Pure.

import { unreachable } from '@hongyan/base/assert';
import type { Content, ReactionSummary, StateContent } from '@hongyan/protocol/content';
import type { ConversationKind } from '@hongyan/protocol/conversation';
import { directMembers, recipientOf } from '@hongyan/protocol/direct';
import type { EventType } from '@hongyan/protocol/events';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { isPrivateTimeline } from '@hongyan/protocol/private';
import { entryEventId, eventIdOf } from './event-id.ts';
import { decodeReferences } from './message-references.ts';

/** The fields of a stored entry that an event needs. */
export interface EntryFacts {
  readonly msgId: MsgId;
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  readonly from: UserId;
  readonly clientMsgId: ClientMsgId;
  readonly timestampMs: number;
  readonly contentJson: string;
  readonly isCounted: boolean;
  readonly referencesJson?: string | undefined;
  readonly targetSeq?: Seq | undefined;
}

export interface Lookups {
  /** The id of the changed message, while it is retained. */
  targetMsgId(conversationId: ConversationId, seq: Seq): MsgId | undefined;
  conversation(conversationId: ConversationId): { readonly kind: ConversationKind; readonly title: string } | undefined;
}

export interface EntryEvent {
  readonly id: string;
  readonly type: EventType;
  readonly atMs: number;
  readonly lane: string;
  readonly seq?: Seq;
  readonly dataJson: string;
}

/** Entries of private timelines, and changes erased by a recall before they were read, have no event. */
export function eventsOfEntry(entry: EntryFacts, lookups: Lookups): readonly EntryEvent[] {
  if (isPrivateTimeline(entry.conversationId)) return [];
  const created = createdWith(entry);
  const event = eventOfContent(entry, lookups);
  return [...(created ? [created] : []), ...(event ? [event] : [])];
}

/** The creation of a direct conversation has no entry: its event is derived from the first entry. */
function createdWith(entry: EntryFacts): EntryEvent | undefined {
  const pair = entry.seq === 1 ? directMembers(entry.conversationId) : undefined;
  if (!pair) return undefined;
  const others = [...new Set(pair)].filter((userId) => userId !== entry.from);
  return {
    ...stored('conversation.created', entry, { kind: 'direct', user_ids: others, user_count: others.length }),
    id: eventIdOf('conversation.created', entry.conversationId),
  };
}

function eventOfContent(entry: EntryFacts, lookups: Lookups): EntryEvent | undefined {
  if (entry.isCounted) return readAgain('message.created', entry);
  const content = JSON.parse(entry.contentJson) as StateContent | { readonly type: 'hongyan.recalled' };
  switch (content.type) {
    case 'hongyan.edit':
      return readAgain('message.edited', entry, target(entry, lookups));
    case 'hongyan.recall': {
      const reason = content.reason === undefined ? {} : { reason: content.reason };
      return stored('message.recalled', entry, { ...target(entry, lookups), ...reason });
    }
    case 'hongyan.reaction':
    case 'hongyan.reactions':
      return readAgain('message.reacted', entry, target(entry, lookups));
    case 'hongyan.pin':
      return stored('message.pinned', entry, { ...target(entry, lookups), pinned: content.pinned });
    case 'hongyan.members':
      return membersEvent(entry, content, lookups);
    case 'hongyan.role':
      return stored('conversation.role_changed', entry, { user_id: content.user_id, role: content.role });
    case 'hongyan.title':
      return stored('conversation.updated', entry, { title: content.title });
    case 'hongyan.rules': {
      const { type: _type, ...changed } = content;
      return stored('conversation.updated', entry, changed);
    }
    case 'hongyan.private':
    case 'hongyan.recalled':
      return undefined;
    default:
      return unreachable(content);
  }
}

function membersEvent(
  entry: EntryFacts,
  { change, user_ids, user_count, new_owner }: Extract<StateContent, { type: 'hongyan.members' }>,
  lookups: Lookups,
): EntryEvent {
  switch (change) {
    case 'created': {
      const { kind = 'group', title = '' } = lookups.conversation(entry.conversationId) ?? {};
      const named = title === '' ? {} : { title };
      const data = { kind, ...named, user_ids, user_count: user_count ?? user_ids.length };
      return stored('conversation.created', entry, data);
    }
    case 'joined':
      return stored('conversation.member_joined', entry, { user_ids });
    case 'left':
      return stored('conversation.member_left', entry, { user_ids, ...(new_owner === undefined ? {} : { new_owner }) });
    default:
      return unreachable(change);
  }
}

function target({ conversationId, targetSeq }: EntryFacts, lookups: Lookups): Record<string, unknown> {
  if (targetSeq === undefined) return {};
  const msgId = lookups.targetMsgId(conversationId, targetSeq);
  return { target_seq: targetSeq, ...(msgId === undefined ? {} : { target_msg_id: msgId }) };
}

/** An event whose data is stored completely. */
function stored(type: EventType, entry: EntryFacts, more: Readonly<Record<string, unknown>> = {}): EntryEvent {
  const { msgId, conversationId, seq, from, clientMsgId, timestampMs } = entry;
  const to = recipientOf(conversationId, from);
  const data = {
    conversation_id: conversationId,
    msg_id: msgId,
    seq,
    from,
    ...(to === undefined ? {} : { to }),
    ...more,
    timestamp: timestampMs,
    client_msg_id: clientMsgId,
  };
  return { id: entryEventId(msgId), type, atMs: timestampMs, lane: conversationId, dataJson: JSON.stringify(data) };
}

/** An event whose remaining data, `restOfEntry`, is read at each delivery. */
const readAgain = (type: EventType, entry: EntryFacts, more?: Readonly<Record<string, unknown>>): EntryEvent => ({
  ...stored(type, entry, more),
  seq: entry.seq,
});

/** Replaces a content that retention has removed. */
const removedContent: Content = { type: 'hongyan.removed' };

/** The data of an event that is read at each delivery. `entry` is the entry as stored now; undefined: it is no longer retained. */
export function restOfEntry(
  type: EventType,
  entry: Pick<EntryFacts, 'contentJson' | 'referencesJson' | 'from'> | undefined,
): Readonly<Record<string, unknown>> {
  const content = entry ? (JSON.parse(entry.contentJson) as Content) : removedContent;
  if (type === 'message.created') return { content, ...referencesData(entry?.referencesJson) };
  if (type === 'message.edited') return { content: content.type === 'hongyan.edit' ? content.content : content };
  if (type === 'message.reacted')
    return { changes: entry ? changesOf(content as unknown as StateContent, entry.from) : [] };
  return {};
}

function changesOf(content: StateContent, from: UserId): ReactionSummary['changes'] {
  if (content.type === 'hongyan.reactions') return content.changes;
  return content.type === 'hongyan.reaction' ? [{ user_id: from, key: content.key, op: content.op }] : [];
}

function referencesData(json: string | undefined): Readonly<Record<string, unknown>> {
  if (json === undefined) return {};
  const { replyTo, mentions } = decodeReferences(json);
  return {
    ...(replyTo === undefined ? {} : { reply_to: { seq: replyTo } }),
    ...(mentions === undefined ? {} : { mentions }),
  };
}
