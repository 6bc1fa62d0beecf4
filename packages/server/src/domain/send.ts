// The rules of a send: its conversation, its content and its key. Pure.

import { done, ok } from '@hongyan/base/result';
import { type Content, recalledContent, serverContentPrefix } from '@hongyan/protocol/content';
import { directConversationId, directMembers, isDirect } from '@hongyan/protocol/direct';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';

/** Replaces the content of a recalled message. */
export const recalledJson = JSON.stringify(recalledContent);

/** The conversation of a send: the given one, or the direct conversation with `to`. */
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

/** Validates the content and encodes it, once: later steps pass the text on. */
export function encodeContent(content: Content, bytesMax: number): Result<string> {
  if (content.type.startsWith(serverContentPrefix)) return refusal.reservedContent(serverContentPrefix);
  if (content.type === 'text' && typeof content.text !== 'string') return refusal.textMissing();
  const json = JSON.stringify(content);
  // A UTF-16 unit has at most 3 bytes in UTF-8, so only texts near the limit are measured exactly.
  if (json.length * 3 > bytesMax && Buffer.byteLength(json) > bytesMax)
    return refusal.tooLarge('the content', bytesMax);
  return ok(json);
}

/** [D3] Refuses half of a surrogate pair, which has no UTF-8: stores would write U+FFFD, and different keys would become equal. */
export function checkKey(clientMsgId: string): Result<undefined> {
  return clientMsgId.isWellFormed() ? done : refusal.notUnicode('client_msg_id');
}

interface Comparable {
  readonly conversationId: ConversationId;
  readonly contentJson: string;
  readonly referencesJson?: string | undefined;
  /** The changed message, if the entry changes one. */
  readonly targetSeq?: Seq | undefined;
}

/** [D3] Whether two uses of a key are the same command: conversation, target, content and references are equal. */
export function isSameMessage(first: Comparable, again: Comparable): boolean {
  if (first.conversationId !== again.conversationId || first.targetSeq !== again.targetSeq) return false;
  // A recalled content can no longer be compared.
  if (first.contentJson === recalledJson) return true;
  if (first.referencesJson !== again.referencesJson) return false;
  // The order of JSON keys does not matter.
  return (
    first.contentJson === again.contentJson ||
    Bun.deepEquals(JSON.parse(first.contentJson), JSON.parse(again.contentJson))
  );
}
