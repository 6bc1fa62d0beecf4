// A stored entry as the wire carries it: as it was committed, or a message as it is now; as an object, or as the text of a frame.

import { type Content, recalledContent } from '@hongyan/protocol/content';
import { directMembers } from '@hongyan/protocol/direct';
import type { Entry, Mentions, MessageStatus, Reply } from '@hongyan/protocol/entry';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { decodeReferences } from '../../domain/message-references.ts';
import { decodeStateFor } from '../../domain/stored-state.ts';
import type { StoredEntry, MessageState as StoredState } from '../../ports/timeline/timeline.ts';
import { noQuotes, type Quotes } from './quotes.ts';

/** As it was committed. `quotes`: of the message that it answers, at least. */
export function toEntry(stored: StoredEntry, status: MessageStatus, quotes: Quotes = noQuotes): Entry {
  return {
    msg_id: stored.msgId,
    conversation_id: stored.conversationId,
    seq: stored.seq,
    from: stored.from,
    to: recipientOf(stored.conversationId, stored.from),
    content: JSON.parse(stored.contentJson) as Entry['content'],
    ...(stored.referencesJson === undefined ? {} : referencesView(stored.referencesJson, quotes)),
    count: stored.count,
    timestamp: stored.timestampMs,
    client_msg_id: stored.clientMsgId,
    status,
  };
}

/** [E10] The entry for a reader who sees the conversation from `visibleFromSeq`: of a change of a message before it, the place alone. */
export function seenFrom(visibleFromSeq: Seq, stored: StoredEntry): StoredEntry {
  const { targetSeq } = stored;
  if (targetSeq === undefined || targetSeq >= visibleFromSeq) return stored;
  const { type, target_seq } = JSON.parse(stored.contentJson) as Content;
  return { ...stored, contentJson: JSON.stringify({ type, target_seq }) };
}

function referencesView(json: string, quotes: Quotes): Pick<Entry, 'reply_to' | 'mentions'> {
  const { replyTo, mentions } = decodeReferences(json);
  return {
    ...(replyTo === undefined ? {} : { reply_to: quotes.get(replyTo) ?? { seq: replyTo } }),
    ...(mentions === undefined ? {} : { mentions: mentions as Mentions }),
  };
}

export interface MessageViewing {
  readonly status: MessageStatus;
  readonly reader: UserId;
  /** Absent when nothing changed the message. */
  readonly state: StoredState | undefined;
  readonly quotes?: Quotes | undefined;
}

/** A message as `reader` sees it now [E2]. */
export function toMessage(stored: StoredEntry, { status, reader, state, quotes }: MessageViewing): Entry {
  const entry = toEntry(stored, status, quotes);
  if (state === undefined) return entry;
  return Object.assign(entry, { as_of_seq: state.asOfSeq }, changesOf(state.stateJson, reader));
}

/** Roughly what the JSON of a message takes, without making all of it. An edited one shows another content than was stored first. */
export function bytesOf(view: Entry, { contentJson, referencesJson = '' }: StoredEntry): number {
  const content = view.edited === undefined ? contentJson : JSON.stringify(view.content);
  const quoteBytes = view.reply_to === undefined ? 0 : 700;
  return 500 + Buffer.byteLength(content) + referencesJson.length + quoteBytes + (view.reactions?.length ?? 0) * 80;
}

function changesOf(stateJson: string, reader: UserId): Partial<Entry> {
  const { recalled, edited, reactions, pinned } = decodeStateFor(reader, stateJson);
  if (recalled) return { recalled: true, content: { ...recalledContent } };
  return {
    ...(pinned ? { pinned } : {}),
    ...(edited ? { edited: edited.seq, content: edited.content } : {}),
    ...(reactions ? { reactions } : {}),
  };
}

/** The content passes through as the text it was encoded to, behind what is encoded here. */
export function entryFrame(entry: StoredEntry, quote?: Reply): string {
  const { referencesJson } = entry;
  const frame = JSON.stringify({
    type: entry.isCounted ? 'message' : 'entry',
    msg_id: entry.msgId,
    conversation_id: entry.conversationId,
    seq: entry.seq,
    from: entry.from,
    to: recipientOf(entry.conversationId, entry.from),
    count: entry.count,
    timestamp: entry.timestampMs,
    client_msg_id: entry.clientMsgId,
    status: 'ack',
  });
  const references = referencesJson === undefined ? '' : referencesText(referencesJson, quote);
  return `${frame.slice(0, -1)}${references},"content":${entry.contentJson}}`;
}

/** As further members of a JSON object. */
function referencesText(json: string, quote: Reply | undefined): string {
  const view = JSON.stringify(referencesView(json, quote ? new Map([[quote.seq, quote]]) : noQuotes));
  return view === '{}' ? '' : `,${view.slice(1, -1)}`;
}

/** In a direct conversation, the other user (oneself in a note to self). */
function recipientOf(conversationId: ConversationId, from: UserId): UserId | undefined {
  const pair = directMembers(conversationId);
  if (!pair) return undefined;
  return pair[0] === from ? pair[1] : pair[0];
}
