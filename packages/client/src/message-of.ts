// An entry of the wire as an application sees it. Pure.

import type { ClientMessage, MessageReaction, MessageReply } from './api.ts';
import { type ArrivedEntry, recalledType } from './entry-kind.ts';
import type { Reaction, Reply } from './wire.ts';

export function messageOf(entry: ArrivedEntry): ClientMessage {
  const { content, edited, reactions = [], as_of_seq, count, reply_to, mentions, pinned } = entry;
  return {
    conversationId: entry.conversation_id,
    clientMsgId: entry.client_msg_id,
    from: entry.from,
    content,
    timestampMs: entry.timestamp,
    seq: entry.seq,
    msgId: entry.msg_id,
    status: entry.status,
    count,
    replyTo: reply_to && toReply(reply_to),
    mentions,
    isPinned: pinned,
    edited,
    isRecalled: entry.recalled || content.type === recalledType || undefined,
    reactions: reactions.length === 0 ? undefined : reactions.map(toReaction),
    asOfSeq: as_of_seq,
  };
}

const toReaction = ({ key, count, mine }: Reaction): MessageReaction => ({ key, count, isMine: mine === true });

const toReply = ({ seq, from, content, recalled, as_of_seq }: Reply): MessageReply => ({
  seq,
  from,
  content,
  isRecalled: recalled,
  asOfSeq: as_of_seq,
});
