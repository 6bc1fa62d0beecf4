// The rules of a send: which conversation it is for, and which content is accepted.

import { done, ok } from '@hongyan/base/result';
import { type Content, recalledContent, serverContentPrefix } from '@hongyan/protocol/content';
import { directConversationId, directMembers, isDirect } from '@hongyan/protocol/direct';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';

/** What a recall leaves of a content. */
export const recalledJson = JSON.stringify(recalledContent);

/** The conversation a send is for: the one named, or the direct one with `to`. */
export function targetOf(
  from: UserId,
  { to, conversation_id }: { readonly to?: UserId | undefined; readonly conversation_id?: ConversationId | undefined },
): Result<ConversationId> {
  if (conversation_id === undefined)
    return to === undefined ? refusal.targetMissing() : ok(directConversationId(from, to));
  if (to !== undefined) return refusal.targetMissing();
  if (!isDirect(conversation_id)) return ok(conversation_id);
  const pair = directMembers(conversation_id);
  if (!pair) return refusal.directIdUnsorted();
  return pair.includes(from) ? ok(conversation_id) : refusal.notMember();
}

/** Encodes the content once: everything behind this point passes the text on. */
export function encodeContent(content: Content, bytesMax: number): Result<string> {
  if (content.type.startsWith(serverContentPrefix)) return refusal.reservedContent(serverContentPrefix);
  if (content.type === 'text' && typeof content.text !== 'string') return refusal.textMissing();
  const json = JSON.stringify(content);
  // UTF-8 needs at most 3 bytes for a UTF-16 unit: only texts near the limit are measured exactly.
  if (json.length * 3 > bytesMax && Buffer.byteLength(json) > bytesMax)
    return refusal.tooLarge('the content', bytesMax);
  return ok(json);
}

/** [D3] A key with half of a surrogate pair has no UTF-8: stores would write U+FFFD and take different keys for one. */
export function checkKey(clientMsgId: string): Result<undefined> {
  return clientMsgId.isWellFormed() ? done : refusal.notUnicode('client_msg_id');
}

interface Comparable {
  readonly conversationId: ConversationId;
  readonly contentJson: string;
  readonly referencesJson?: string | undefined;
  /** Of a change of a message. */
  readonly targetSeq?: Seq | undefined;
}

/** [D3] Whether a repeated key comes with the entry that it stands for: the same conversation, target, content and references. */
export function isSameMessage(first: Comparable, again: Comparable): boolean {
  if (first.conversationId !== again.conversationId || first.targetSeq !== again.targetSeq) return false;
  // What was recalled can no longer be compared.
  if (first.contentJson === recalledJson) return true;
  if (first.referencesJson !== again.referencesJson) return false;
  // Keys in another order are the same content.
  return (
    first.contentJson === again.contentJson ||
    Bun.deepEquals(JSON.parse(first.contentJson), JSON.parse(again.contentJson))
  );
}
