// The private timeline of a user: its id, and what the newest change of each kind means. One place for the server, the client library
// and applications, so that they cannot show different things. No dependency at run time.

import type { PrivateChange } from './content.ts';
import type { ConversationId, UserId } from './ids.ts';

/** [E20] No one but the user reads or writes it. */
export const privateTimelineId = (userId: UserId): ConversationId => `u:${userId}` as ConversationId;

/** [E21] What a change replaces: of each key the newest one is the present state. */
export function privateKey(change: PrivateChange): string {
  return `${change.type} ${change.type === 'setting' ? change.name : change.conversation_id}`;
}

export const isMuted = (mutedUntilMs: number | undefined, nowMs: number): boolean => (mutedUntilMs ?? 0) > nowMs;

/** [E24] A message that came after it was archived brings a conversation back, unless it is muted. */
export function isArchived(facts: {
  /** The count of the conversation that was archived; undefined: it is not archived. */
  readonly archivedCount: number | undefined;
  readonly lastCount: number;
  readonly isMuted: boolean;
}): boolean {
  const { archivedCount, lastCount } = facts;
  return archivedCount !== undefined && (lastCount <= archivedCount || facts.isMuted);
}
