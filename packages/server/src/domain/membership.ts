// Who may do what in a conversation.

import type { ConversationKind, MemberRole } from '@hongyan/protocol/entry';
import { type Admission, refuse } from './message.ts';

export interface MemberFacts {
  readonly kind: ConversationKind;
  /** undefined = not a member. */
  readonly role: MemberRole | undefined;
}

const ok = { type: 'ok', value: undefined } as const;
const notMember = refuse('not_member', 'you are not a member of this conversation');

export function mayPost({ kind, role }: MemberFacts): Admission<undefined> {
  if (role === undefined) return notMember;
  if (kind === 'broadcast' && role !== 'owner')
    return refuse('forbidden', 'only owners write in a broadcast conversation');
  return ok;
}

export function mayRead({ role }: MemberFacts): Admission<undefined> {
  return role === undefined ? notMember : ok;
}

/** Groups: every member may rename and add; broadcasts: owners. Direct conversations have neither. */
export function mayChange({ kind, role }: MemberFacts): Admission<undefined> {
  if (role === undefined) return notMember;
  if (kind === 'direct')
    return refuse('forbidden', 'a direct conversation has no title and always the same two members');
  if (kind === 'broadcast' && role !== 'owner')
    return refuse('forbidden', 'only owners change a broadcast conversation');
  return ok;
}

/** Everyone may leave; owners may remove others. */
export function mayRemove(facts: MemberFacts & { readonly isSelf: boolean }): Admission<undefined> {
  if (facts.role === undefined) return notMember;
  if (facts.kind === 'direct') return refuse('forbidden', 'members of a direct conversation stay');
  if (!facts.isSelf && facts.role !== 'owner') return refuse('forbidden', 'only owners remove other members');
  return ok;
}
