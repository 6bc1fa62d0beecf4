// Frames as the core publishes them: encoded once here, passed on as text by everyone behind.

import { directMembers } from '@hongyan/protocol/direct';
import type { DownOf } from '@hongyan/protocol/down';
import type { Entry, MessageStatus } from '@hongyan/protocol/entry';
import type { UserId } from '@hongyan/protocol/ids';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';

/** Ids of the wire need no escaping: their patterns allow no quote, backslash or control character. client_msg_id may be any string. */
export function messageFrame(entry: StoredEntry): string {
  const to = recipientOf(entry);
  return (
    `{"type":"message","msg_id":"${entry.msgId}","conversation_id":"${entry.conversationId}","seq":${entry.seq}` +
    `,"from":"${entry.from}"${to === undefined ? '' : `,"to":"${to}"`},"content":${entry.contentJson}` +
    `,"timestamp":${entry.timestampMs},"client_msg_id":${JSON.stringify(entry.clientMsgId)},"status":"ack"}`
  );
}

export const encode = <T extends keyof typeof frameTypes>(frame: DownOf<T>): string => JSON.stringify(frame);
const frameTypes = { receipt: 1, conversation: 1, typing: 1, presence: 1 } as const;

/** In a direct conversation, the other one (oneself in a note to self). */
function recipientOf(entry: {
  readonly conversationId: StoredEntry['conversationId'];
  readonly from: UserId;
}): UserId | undefined {
  const pair = directMembers(entry.conversationId);
  if (!pair) return undefined;
  return pair[0] === entry.from ? pair[1] : pair[0];
}

export function toEntry(stored: StoredEntry, status: MessageStatus): Entry {
  const to = recipientOf(stored);
  return {
    msg_id: stored.msgId,
    conversation_id: stored.conversationId,
    seq: stored.seq,
    from: stored.from,
    ...(to === undefined ? {} : { to }),
    content: JSON.parse(stored.contentJson) as Entry['content'],
    timestamp: stored.timestampMs,
    client_msg_id: stored.clientMsgId,
    status,
  };
}
