// What a member may do in a conversation.

import { done } from '@hongyan/base/result';
import type { ConversationKind, MemberRole } from '@hongyan/protocol/conversation';
import { type Result, refusal } from '@hongyan/protocol/refusals';

export interface MemberFacts {
  readonly kind: ConversationKind;
  /** undefined = not a member. */
  readonly role: MemberRole | undefined;
}

export function mayPost({ kind, role }: MemberFacts): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  return kind === 'broadcast' && role !== 'owner' ? refusal.onlyOwners('write in a broadcast conversation') : done;
}

export function mayRead({ role }: MemberFacts): Result<undefined> {
  return role === undefined ? refusal.notMember() : done;
}

/** Groups: every member may rename and add; broadcasts: owners. Direct conversations have neither. */
export function mayChange({ kind, role }: MemberFacts): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  if (kind === 'direct') return refusal.fixedMembers();
  return kind === 'broadcast' && role !== 'owner' ? refusal.onlyOwners('change a broadcast conversation') : done;
}

/** Every member may leave; owners may remove others. */
export function mayRemove(facts: MemberFacts & { readonly isSelf: boolean }): Result<undefined> {
  if (facts.role === undefined) return refusal.notMember();
  if (facts.kind === 'direct') return refusal.fixedMembers();
  return facts.isSelf || facts.role === 'owner' ? done : refusal.onlyOwners('remove other members');
}

/** Whether new members see what was written before they joined, where the creator did not choose. */
export function isHistoryVisibleByDefault(kind: ConversationKind): boolean {
  return kind !== 'group';
}
