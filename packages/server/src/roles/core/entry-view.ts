// A stored entry as an object of the wire: as it was committed, or a message in its present form.

import { type Content, recalledContent } from '@hongyan/protocol/content';
import { recipientOf } from '@hongyan/protocol/direct';
import type { Entry, Mentions, MessageStatus } from '@hongyan/protocol/entry';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import { decodeReferences } from '../../domain/message-references.ts';
import { decodeStateFor } from '../../domain/stored-state.ts';
import type { StoredEntry, MessageState as StoredState } from '../../ports/timeline/timeline.ts';
import { noQuotes, type Quotes } from './quotes.ts';

/** The entry as it was committed. `quotes` contains the message that the entry replies to, while that message is retained. */
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

export interface MessageViewing {
  readonly status: MessageStatus;
  readonly reader: UserId;
  /** undefined: no entry has changed the message. */
  readonly state: StoredState | undefined;
  readonly quotes?: Quotes | undefined;
}

/** [E2] The message in its present form, as `reader` sees it. */
export function toMessage(stored: StoredEntry, { status, reader, state, quotes }: MessageViewing): Entry {
  const entry = toEntry(stored, status, quotes);
  if (state === undefined) return entry;
  return Object.assign(entry, { as_of_seq: state.asOfSeq }, changesOf(state.stateJson, reader));
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

/**
 * [E10] The entry for a reader who sees the conversation from `visibleFromSeq` on. An entry that changes an older message keeps its
 * place but loses everything except `type` and `target_seq`.
 */
export function seenFrom(visibleFromSeq: Seq, stored: StoredEntry): StoredEntry {
  const { targetSeq } = stored;
  if (targetSeq === undefined || targetSeq >= visibleFromSeq) return stored;
  const { type, target_seq } = JSON.parse(stored.contentJson) as Content;
  return { ...stored, contentJson: JSON.stringify({ type, target_seq }) };
}

/** Estimates the JSON size of a message without encoding it. The content of an edited message differs from the stored one. */
export function bytesOf(view: Entry, { contentJson, referencesJson = '' }: StoredEntry): number {
  const content = view.edited === undefined ? contentJson : JSON.stringify(view.content);
  const quoteBytes = view.reply_to === undefined ? 0 : 700;
  return 500 + Buffer.byteLength(content) + referencesJson.length + quoteBytes + (view.reactions?.length ?? 0) * 80;
}

export function referencesView(json: string, quotes: Quotes): Pick<Entry, 'reply_to' | 'mentions'> {
  const { replyTo, mentions } = decodeReferences(json);
  return {
    ...(replyTo === undefined ? {} : { reply_to: quotes.get(replyTo) ?? { seq: replyTo } }),
    ...(mentions === undefined ? {} : { mentions: mentions as Mentions }),
  };
}
