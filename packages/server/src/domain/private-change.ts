// The rules of a user's private timeline [E20–E25]: a change and the present value lead to an entry or a refusal. Pure.

import { unreachable } from '@hongyan/base/assert';
import type { Refused } from '@hongyan/base/result';
import type { PrivateChange, PrivateContent, recalledContent } from '@hongyan/protocol/content';
import type { DeviceId, Seq } from '@hongyan/protocol/ids';
import { draftTexts, isRemoval, otherTexts, type PrivateItem, privateKey } from '@hongyan/protocol/private';
import { type RefusalCode, refusal } from '@hongyan/protocol/refusals';

/** The present value under the key of a change: the content of the newest entry with that key. */
export interface StoredItem extends PrivateItem {
  readonly content: PrivateContent;
}

export interface PrivateFacts {
  readonly current: StoredItem | undefined;
  /** The conversation of the change. undefined: the user is not a member. */
  readonly conversation: ConversationFacts | undefined;
  /** undefined: the caller has no device. */
  readonly deviceId: DeviceId | undefined;
  /** Totals of all values of the user, including this key. */
  readonly totals: { readonly keys: number; readonly bytes: number };
  readonly draftBytesMax: number;
}

export interface ConversationFacts {
  readonly lastSeq: Seq;
  /** Unread messages of the user follow this seq, according to the directory. */
  readonly readSeq: Seq;
}

export type PrivateDecision =
  | { readonly type: 'entry'; readonly content: PrivateContent }
  /** The value is set already: no entry is appended. */
  | { readonly type: 'unchanged' }
  | Refused<RefusalCode>;

/** [E25] Keys per user, of all types together. */
export const privateKeysMax = 10_000;
const privateBytesMax = 1_048_576;
const settingBytesMax = 4_096;
/** Texts of one draft among which the user has to choose. */
const draftTextsMax = 4;

type Erased = typeof recalledContent;

const unchanged = { type: 'unchanged' } as const;

export function decidePrivate(change: PrivateChange, facts: PrivateFacts): PrivateDecision {
  const { current, conversation } = facts;
  // Values for a conversation that the user has left can still be removed.
  const needsMember = change.type !== 'setting' && !isRemoval({ change });
  if (needsMember && !conversation) return refusal.notMember();
  switch (change.type) {
    case 'read':
      return decideRead(change, conversation);
    case 'draft':
      return decideDraft(change, facts);
    case 'setting':
      if (Buffer.byteLength(JSON.stringify(change.value)) > settingBytesMax)
        return refusal.tooLarge('the value of a setting', settingBytesMax);
      break;
    case 'mute':
    case 'pin':
    case 'archive':
      break;
    default:
      return unreachable(change);
  }
  const isSet = current ? Bun.deepEquals(current.content.change, change) : isRemoval({ change });
  return isSet ? unchanged : withinBounds(contentOf(change), facts);
}

/**
 * The row that the directory stores for an entry. `json` is undefined if the entry removes the key. Read positions, which are stored with
 * the membership, and superseded drafts, whose content is erased, have no row.
 */
export function rowOf(content: PrivateContent | Erased): { readonly key: string; readonly json?: string } | undefined {
  if (content.type === 'hongyan.recalled' || content.change.type === 'read') return undefined;
  const key = privateKey(content.change);
  return isRemoval(content) ? { key } : { key, json: JSON.stringify(content) };
}

/** [E23] Positions only move forward. */
function decideRead(
  change: Extract<PrivateChange, { type: 'read' }>,
  { lastSeq, readSeq }: ConversationFacts = { lastSeq: 0 as Seq, readSeq: 0 as Seq },
): PrivateDecision {
  if (change.seq > lastSeq) return refusal.seqBeyondLast(lastSeq);
  return change.seq <= readSeq ? unchanged : { type: 'entry', content: contentOf(change) };
}

/** [E22] */
function decideDraft(change: Extract<PrivateChange, { type: 'draft' }>, facts: PrivateFacts): PrivateDecision {
  const { text } = change;
  const { current, deviceId, draftBytesMax } = facts;
  if (!text.isWellFormed()) return refusal.notUnicode('text');
  if (Buffer.byteLength(text) > draftBytesMax) return refusal.tooLarge('the draft', draftBytesMax);
  const present = current ? draftTexts(current.content) : [];
  const others = otherTexts(change, current, deviceId);
  const content = { ...contentOf(change, deviceId), ...(others.length > 0 ? { others } : {}) };
  const texts = draftTexts(content);
  if (texts.length > draftTextsMax) return refusal.draftsUnresolved(draftTextsMax);
  if (Bun.deepEquals(texts, present)) return unchanged;
  return withinBounds(content, facts);
}

function contentOf(change: PrivateChange, deviceId?: DeviceId): PrivateContent {
  const type = 'hongyan.private' as const;
  return deviceId === undefined ? { type, change } : { type, change, device_id: deviceId };
}

/** [E25] Refuses a change that exceeds the limits. Removing a value is always possible. */
function withinBounds(content: PrivateContent, { current, totals }: PrivateFacts): PrivateDecision {
  const before = current ? bytesOf(current.content) : 0;
  const after = bytesOf(content);
  if (current === undefined && after > 0 && totals.keys >= privateKeysMax)
    return refusal.tooMany('private settings, mutes, pins, archived conversations and drafts in total', privateKeysMax);
  if (after > before && totals.bytes - before + after > privateBytesMax)
    return refusal.tooLarge('the private state', privateBytesMax);
  return { type: 'entry', content };
}

function bytesOf(content: PrivateContent): number {
  const { key = '', json } = rowOf(content) ?? {};
  return json === undefined ? 0 : key.length + Buffer.byteLength(json);
}
