// An entry of the wire as an application sees it. Pure.

import type { ClientMessage, MessageReaction } from './api.ts';
import { type ArrivedEntry, recalledType } from './entry-kind.ts';
import type { Reaction } from './wire.ts';

export function messageOf(entry: ArrivedEntry): ClientMessage {
  const { content, edited, reactions = [], as_of_seq, count } = entry;
  return {
    conversationId: entry.conversation_id,
    clientMsgId: entry.client_msg_id,
    from: entry.from,
    content,
    timestampMs: entry.timestamp,
    seq: entry.seq,
    msgId: entry.msg_id,
    status: entry.status,
    ...(count === undefined ? {} : { count }),
    ...(edited === undefined ? {} : { edited }),
    ...(entry.recalled || content.type === recalledType ? { isRecalled: true } : {}),
    ...(reactions.length === 0 ? {} : { reactions: reactions.map(toReaction) }),
    ...(as_of_seq === undefined ? {} : { asOfSeq: as_of_seq }),
  };
}

const toReaction = ({ key, count, mine }: Reaction): MessageReaction => ({ key, count, isMine: mine === true });
