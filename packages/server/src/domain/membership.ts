// What a member may do in a conversation.

import { done } from '@hongyan/base/result';
import type { ConversationKind } from '@hongyan/protocol/conversation';
import type { MemberRole } from '@hongyan/protocol/member-role';
import { type Result, refusal } from '@hongyan/protocol/refusals';

export interface MemberFacts {
  readonly kind: ConversationKind;
  /** undefined = not a member. */
  readonly role: MemberRole | undefined;
}

export function mayPost({ kind, role }: MemberFacts): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  return kind === 'broadcast' && !mayAdminister(role) ? refusal.onlyAdmins('write in a broadcast conversation') : done;
}

export function mayRead({ role }: MemberFacts): Result<undefined> {
  return role === undefined ? refusal.notMember() : done;
}

/** Groups: every member may rename and add; broadcasts: owner and admins. Direct conversations have neither. */
export function mayChange({ kind, role }: MemberFacts): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  if (kind === 'direct') return refusal.fixedMembers();
  return kind === 'broadcast' && !mayAdminister(role) ? refusal.onlyAdmins('change a broadcast conversation') : done;
}

/** Every member may leave; the owner removes everyone, admins remove members. `target`: the role of who is to be removed. */
export function mayRemove(
  facts: MemberFacts & { readonly isSelf: boolean; readonly target: MemberRole | undefined },
): Result<undefined> {
  const { role, kind, isSelf, target } = facts;
  if (role === undefined) return refusal.notMember();
  if (kind === 'direct') return refusal.fixedMembers();
  if (isSelf || role === 'owner') return done;
  if (role !== 'admin') return refusal.onlyAdmins('remove other members');
  return target === 'member' || target === undefined ? done : refusal.onlyOwners('remove admins');
}

/** The owner gives roles to others. An owner without a successor stays. */
export function maySetRole(facts: MemberFacts & { readonly isSelf: boolean }): Result<undefined> {
  const { role, kind, isSelf } = facts;
  if (role === undefined) return refusal.notMember();
  if (kind === 'direct') return refusal.fixedMembers();
  if (role !== 'owner') return refusal.onlyOwners('give roles');
  return isSelf ? refusal.ownerStays() : done;
}

export const mayAdminister = (role: MemberRole | undefined): boolean => role === 'owner' || role === 'admin';

/** Whether new members see what was written before they joined, where the creator did not choose. */
export function isHistoryVisibleByDefault(kind: ConversationKind): boolean {
  return kind !== 'group';
}
