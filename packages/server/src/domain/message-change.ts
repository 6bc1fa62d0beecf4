// The rules of edits, recalls, reactions and pins [E4–E6, E9]: a change and the present facts lead to an entry or a refusal. Pure.

import { unreachable } from '@hongyan/base/assert';
import type { Refused } from '@hongyan/base/result';
import type { Content, ReactionOp, ReactionSummary, StateContent } from '@hongyan/protocol/content';
import type { ConversationKind } from '@hongyan/protocol/conversation';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { MemberRole } from '@hongyan/protocol/member-role';
import { type RefusalCode, type Result, refusal } from '@hongyan/protocol/refusals';
import { mayAdminister } from './membership.ts';
import { hasReacted, type MessageState, withoutReaction, withReaction } from './message-state.ts';

export type MessageChange =
  | { readonly type: 'edit'; readonly content: Content; readonly expectSeq: Seq | undefined }
  | { readonly type: 'recall'; readonly reason: string | undefined }
  /** `key` is normalised. */
  | { readonly type: 'react'; readonly key: string; readonly op: ReactionOp }
  | { readonly type: 'pin'; readonly pinned: boolean };

/** A summary by the server of reactions that the state of the message already includes. Always allowed. */
export interface SumUp {
  readonly type: 'sum_up';
  readonly changes: ReactionSummary['changes'];
}

export interface ChangeLimits {
  /** How long after it was sent a message may be edited. */
  readonly editWindowMs: number;
  /** Whether owners may edit messages of others. */
  readonly mayOwnersEdit: boolean;
  /** Different keys per message. */
  readonly reactionKeysMax: number;
  /** Pinned messages per conversation. */
  readonly pinnedMax: number;
}

export interface ChangeFacts {
  readonly actor: { readonly userId: UserId; readonly role: MemberRole };
  readonly kind: ConversationKind;
  readonly message: { readonly seq: Seq; readonly from: UserId; readonly timestampMs: number };
  readonly state: MessageState;
  /** Number of pinned messages in the conversation. Used only for pinning. */
  readonly pinnedCount: number;
  /** The seq that the entry gets. */
  readonly nextSeq: Seq;
  readonly nowMs: number;
  readonly limits: ChangeLimits;
}

export type Decision =
  | { readonly type: 'entry'; readonly state: MessageState; readonly erases: boolean }
  /** The message is in this state already: no entry is appended. */
  | { readonly type: 'unchanged' }
  | Refused<RefusalCode>;

/** Reactions to one message, all keys together: each change writes the whole state. */
const reactionsMax = 1_000;

export function decide(change: MessageChange, facts: ChangeFacts): Decision {
  switch (change.type) {
    case 'edit':
      return decideEdit(change, facts);
    case 'recall':
      return decideRecall(facts);
    case 'react':
      return decideReaction(change, facts);
    case 'pin':
      return decidePin(change, facts);
    default:
      return unreachable(change);
  }
}

/** The content of the entry of a change. The last parameter is the state after the change. */
export function contentOf(
  change: MessageChange | SumUp,
  target_seq: Seq,
  { reactions = [] }: MessageState,
): StateContent {
  switch (change.type) {
    case 'edit':
      return { type: 'hongyan.edit', target_seq, content: change.content };
    case 'recall':
      return { type: 'hongyan.recall', target_seq, ...(change.reason === undefined ? {} : { reason: change.reason }) };
    case 'react':
      return { type: 'hongyan.reaction', target_seq, key: change.key, op: change.op };
    case 'pin':
      return { type: 'hongyan.pin', target_seq, pinned: change.pinned };
    case 'sum_up':
      return {
        type: 'hongyan.reactions',
        target_seq,
        changes: change.changes,
        reactions: reactions.map(({ key, userIds }) => ({ key, count: userIds.length })),
      };
    default:
      return unreachable(change);
  }
}

function decideEdit({ content, expectSeq }: Extract<MessageChange, { type: 'edit' }>, facts: ChangeFacts): Decision {
  const { state, message, limits, nextSeq, nowMs } = facts;
  if (!isOwn(facts) && !(limits.mayOwnersEdit && isOwner(facts))) return refusal.onlySender('edit it');
  if (state.recalled) return refusal.recalled();
  if (nowMs - message.timestampMs > limits.editWindowMs) return refusal.editTooLate(limits.editWindowMs / 1000);
  if (expectSeq !== undefined && expectSeq < (state.edited?.seq ?? 0)) return refusal.editedMeanwhile();
  return { type: 'entry', state: { ...state, edited: { seq: nextSeq, content } }, erases: false };
}

/** A recall removes edits and reactions together with the content. */
function decideRecall(facts: ChangeFacts): Decision {
  if (!isOwn(facts) && !isAdministrator(facts)) return refusal.onlySender('recall it, or an admin of the group');
  if (facts.state.recalled) return { type: 'unchanged' };
  return { type: 'entry', state: { recalled: true }, erases: true };
}

function decideReaction({ key, op }: Extract<MessageChange, { type: 'react' }>, facts: ChangeFacts): Decision {
  const { state, actor, limits } = facts;
  if (state.recalled) return refusal.recalled();
  if (hasReacted(state, key, actor.userId) === (op === 'add')) return { type: 'unchanged' };
  if (op === 'remove') return { type: 'entry', state: withoutReaction(state, key, actor.userId), erases: false };
  const reactions = state.reactions ?? [];
  if (reactions.length >= limits.reactionKeysMax && !reactions.some((reaction) => reaction.key === key))
    return refusal.tooMany('different reactions to one message', limits.reactionKeysMax);
  if (reactions.reduce((sum, { userIds }) => sum + userIds.length, 0) >= reactionsMax)
    return refusal.tooMany('reactions to one message', reactionsMax);
  return { type: 'entry', state: withReaction(state, key, actor.userId), erases: false };
}

/** Allowed to both members of a direct conversation, elsewhere to the owner and admins. */
function decidePin({ pinned }: Extract<MessageChange, { type: 'pin' }>, facts: ChangeFacts): Decision {
  const { state, kind, limits, pinnedCount } = facts;
  if (kind !== 'direct' && !isAdministrator(facts)) return refusal.onlyAdmins('pin messages');
  if (state.recalled) return refusal.recalled();
  if ((state.pinned === true) === pinned) return { type: 'unchanged' };
  const { pinned: _, ...rest } = state;
  if (!pinned) return { type: 'entry', state: rest, erases: false };
  if (pinnedCount >= limits.pinnedMax) return refusal.tooMany('pinned messages of a conversation', limits.pinnedMax);
  return { type: 'entry', state: { ...rest, pinned: true }, erases: false };
}

const isOwn = ({ actor, message }: ChangeFacts): boolean => actor.userId === message.from;
const isOwner = ({ actor, kind }: ChangeFacts): boolean => kind !== 'direct' && actor.role === 'owner';
const isAdministrator = ({ actor, kind }: ChangeFacts): boolean => kind !== 'direct' && mayAdminister(actor.role);

/**
 * Normalises a reaction, so that equal looking ones share a key. Characters are composed. Variation selectors, which select the coloured
 * or plain form of an emoji, are removed: keyboards add them inconsistently.
 */
export function reactionKey(text: string): Result<string> {
  if (!text.isWellFormed()) return refusal.notUnicode('key');
  const key = text
    .normalize('NFC')
    .replace(/[\uFE0E\uFE0F]/g, '')
    .trim();
  return key === '' ? refusal.invisible('key') : { type: 'ok', value: key };
}
