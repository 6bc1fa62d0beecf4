// The rules of a single message: what may be sent, and where a message stands given the receivers' positions.

import type { ErrorCode } from '@hongyan/protocol/codes';
import { directConversationId, directMembers } from '@hongyan/protocol/direct';
import type { Content, MessageStatus } from '@hongyan/protocol/entry';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';

export type Admission<T> =
  | { readonly type: 'ok'; readonly value: T }
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string };

export const refuse = (code: ErrorCode, message: string) => ({ type: 'refused', code, message }) as const;

/** Content types that only the server makes, so that nobody can forge "alice added bob". */
const serverContentPrefix = 'hongyan.';

/** [D3] A key with half of a surrogate pair has no UTF-8: stores would write U+FFFD and take different keys for one. */
export function isKeyStorable(clientMsgId: string): boolean {
  return clientMsgId.isWellFormed();
}

/** The conversation a send is meant for: named, or the direct one with `to`. */
export function targetOf(send: {
  readonly from: UserId;
  readonly to?: UserId | undefined;
  readonly conversationId?: ConversationId | undefined;
}): Admission<ConversationId> {
  const { from, to, conversationId } = send;
  if (conversationId !== undefined) {
    if (to !== undefined) return refuse('bad_request', 'give either "to" or "conversation_id", not both');
    if (conversationId.startsWith('d:')) {
      const pair = directMembers(conversationId);
      if (!pair) return refuse('bad_request', 'a direct conversation_id is d: + both user ids sorted, joined by ":"');
      if (!pair.includes(from)) return refuse('not_member', 'you are not a member of this conversation');
    }
    return { type: 'ok', value: conversationId };
  }
  if (to === undefined) return refuse('bad_request', 'give "to" or "conversation_id"');
  return { type: 'ok', value: directConversationId(from, to) };
}

/** Encodes the content once: everything behind this point passes the text on. */
export function encodeContent(content: Content, bytesMax: number): Admission<string> {
  if (content.type.startsWith(serverContentPrefix)) {
    return refuse('forbidden', `content types that start with "${serverContentPrefix}" are made by the server only`);
  }
  if (content.type === 'text' && typeof content.text !== 'string')
    return refuse('bad_request', 'content of type "text" needs "text"');
  const json = JSON.stringify(content);
  // UTF-8 needs at most 3 bytes for a UTF-16 unit: only texts near the limit are measured exactly.
  if (json.length * 3 > bytesMax && Buffer.byteLength(json) > bytesMax) {
    return refuse('too_large', `content is larger than ${bytesMax} bytes`);
  }
  return { type: 'ok', value: json };
}

/** [D7] The status that positions give to the message at `seq`. */
export function statusAt(seq: Seq, positions: { readonly deliveredSeq: Seq; readonly readSeq: Seq }): MessageStatus {
  if (positions.readSeq >= seq) return 'read';
  if (positions.deliveredSeq >= seq) return 'delivered';
  return 'ack';
}
