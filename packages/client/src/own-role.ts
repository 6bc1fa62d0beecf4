// This user's role, as the notices of a timeline change it. Pure.

import type { UserId } from '@hongyan/protocol/ids';
import type { ArrivedEntry } from './entry-kind.ts';
import type { MemberRole } from './wire.ts';

/** undefined: the notice leaves the role as it is. Who hands a conversation over becomes an admin. */
export function roleAfter({ from, content }: ArrivedEntry, self: UserId): MemberRole | undefined {
  const { type, user_id, role, new_owner } = content;
  if (type === 'hongyan.members') return new_owner === self ? 'owner' : undefined;
  if (type !== 'hongyan.role') return undefined;
  if (role === 'owner' && user_id !== self) return from === self ? 'admin' : undefined;
  return user_id === self && (role === 'owner' || role === 'admin' || role === 'member') ? role : undefined;
}
