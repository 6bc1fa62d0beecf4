// A stored entry as the wire carries it: as an object in answers, as text in pushed frames.

import { directMembers } from '@hongyan/protocol/direct';
import type { Entry, MessageStatus } from '@hongyan/protocol/entry';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';

export function toEntry(stored: StoredEntry, status: MessageStatus): Entry {
  return {
    msg_id: stored.msgId,
    conversation_id: stored.conversationId,
    seq: stored.seq,
    from: stored.from,
    to: recipientOf(stored.conversationId, stored.from),
    content: JSON.parse(stored.contentJson) as Entry['content'],
    timestamp: stored.timestampMs,
    client_msg_id: stored.clientMsgId,
    status,
  };
}

/** Ids of the wire need no escaping: their patterns allow no quote, backslash or control character. client_msg_id may be any string. */
export function messageFrame(entry: StoredEntry): string {
  const to = recipientOf(entry.conversationId, entry.from);
  return (
    `{"type":"message","msg_id":"${entry.msgId}","conversation_id":"${entry.conversationId}","seq":${entry.seq}` +
    `,"from":"${entry.from}"${to === undefined ? '' : `,"to":"${to}"`},"content":${entry.contentJson}` +
    `,"timestamp":${entry.timestampMs},"client_msg_id":${JSON.stringify(entry.clientMsgId)},"status":"ack"}`
  );
}

/** In a direct conversation, the other user (oneself in a note to self). */
function recipientOf(conversationId: ConversationId, from: UserId): UserId | undefined {
  const pair = directMembers(conversationId);
  if (!pair) return undefined;
  return pair[0] === from ? pair[1] : pair[0];
}
