// The permissions of members in a conversation. Pure.

import { unreachable } from '@hongyan/base/assert';
import { done } from '@hongyan/base/result';
import type { ConversationKind } from '@hongyan/protocol/conversation';
import type { MemberRole } from '@hongyan/protocol/member-role';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Rules, Who } from '@hongyan/protocol/rules';

export interface MemberFacts {
  readonly kind: ConversationKind;
  readonly rules: Rules;
  /** undefined = not a member. */
  readonly role: MemberRole | undefined;
}

export function mayPost({ rules, role }: MemberFacts): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  return isAmong(rules.post, role) ? done : refusal.onlyAdmins('write in this conversation');
}

export function mayRead({ role }: MemberFacts): Result<undefined> {
  return role === undefined ? refusal.notMember() : done;
}

/** In groups every member may rename, in broadcasts the owner and admins. Direct conversations have no title. */
export function mayRename({ kind, role }: MemberFacts): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  if (kind === 'direct') return refusal.fixedMembers();
  return kind === 'broadcast' && !mayAdminister(role) ? refusal.onlyAdmins('rename a broadcast conversation') : done;
}

export function mayAdd({ kind, rules, role }: MemberFacts): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  if (kind === 'direct') return refusal.fixedMembers();
  return isAmong(rules.add, role) ? done : refusal.onlyAdmins('add members to this conversation');
}

export function maySetRules({ kind, role }: MemberFacts): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  if (kind === 'direct') return refusal.fixedMembers();
  return mayAdminister(role) ? done : refusal.onlyAdmins('change the rules of a conversation');
}

/** [E8] Refused in conversations with more than `memberCountMax` members. */
export function mayMentionAll(
  { rules, role }: MemberFacts,
  { memberCount, memberCountMax }: { readonly memberCount: number; readonly memberCountMax: number },
): Result<undefined> {
  if (role === undefined) return refusal.notMember();
  if (!isAmong(rules.mention_all, role)) return refusal.onlyAdmins('mention all');
  return memberCount > memberCountMax ? refusal.tooMany('members to mention at once', memberCountMax) : done;
}

/** Every member may leave. The owner may remove anyone, admins may remove members. `target`: the role of the member to remove. */
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

/** Only the owner gives roles, and only to others: a conversation always has an owner. */
export function maySetRole(facts: MemberFacts & { readonly isSelf: boolean }): Result<undefined> {
  const { role, kind, isSelf } = facts;
  if (role === undefined) return refusal.notMember();
  if (kind === 'direct') return refusal.fixedMembers();
  if (role !== 'owner') return refusal.onlyOwners('give roles');
  return isSelf ? refusal.ownerStays() : done;
}

export const mayAdminister = (role: MemberRole | undefined): boolean => role === 'owner' || role === 'admin';

const isAmong = (who: Who, role: MemberRole): boolean => who === 'members' || mayAdminister(role);

/** [E10] The rules of a new conversation, unless its creator chooses others. */
export function defaultRules(kind: ConversationKind): Rules {
  switch (kind) {
    case 'direct':
      return { post: 'members', add: 'admins', mention_all: 'members' };
    case 'group':
      return { post: 'members', add: 'members', mention_all: 'admins' };
    case 'broadcast':
      return { post: 'admins', add: 'admins', mention_all: 'admins' };
    default:
      return unreachable(kind);
  }
}

/** Whether new members see messages from before they joined, unless the creator chooses. */
export function isHistoryVisibleByDefault(kind: ConversationKind): boolean {
  return kind !== 'group';
}
