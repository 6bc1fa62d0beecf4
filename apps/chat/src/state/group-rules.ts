// What a member may do in a conversation and to its other members, as the server decides it. Pure.

import type { ConversationView, MemberRole } from '@hongyan/client/api';

export type MemberAction = 'makeAdmin' | 'endAdmin' | 'handOver' | 'removeMember';

/** `by`: the role of this user, `of`: that of the other. */
export function memberActions(by: MemberRole, of: MemberRole): readonly MemberAction[] {
  switch (by) {
    case 'owner':
      return [of === 'admin' ? 'endAdmin' : 'makeAdmin', 'handOver', 'removeMember'];
    case 'admin':
      return of === 'member' ? ['removeMember'] : [];
    default:
      return [];
  }
}

type Place = Pick<ConversationView, 'kind' | 'role' | 'rules'>;

/** [E10] */
export const mayPost = ({ rules, role }: Place): boolean => rules.post === 'members' || role !== 'member';
export const mayRename = ({ kind, role }: Place): boolean => kind === 'group' || role !== 'member';
export const mayAdd = ({ rules, role }: Place): boolean => rules.add === 'members' || role !== 'member';

const rank: Readonly<Record<MemberRole, number>> = { owner: 0, admin: 1, member: 2 };

/** The owner first, then admins, then the others as they come. */
export const byRole = <T extends { readonly role: MemberRole }>(members: readonly T[]): readonly T[] =>
  members.toSorted((a, b) => rank[a.role] - rank[b.role]);
