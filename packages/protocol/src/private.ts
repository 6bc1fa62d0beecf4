// The private timeline of a user: its id, and what its changes mean. One place for the server, the client library and applications, so
// that they cannot show different things. No dependency at run time.

import type { DraftText, PrivateChange, PrivateContent } from './content.ts';
import type { ConversationId, DeviceId, Seq, UserId } from './ids.ts';

/** What is set under the key of a change: the content of its newest entry. */
export interface PrivateItem {
  readonly seq: Seq;
  readonly content: Omit<PrivateContent, 'type'>;
}

const idPrefix = 'u:';

/** [E20] Only the user reads or writes it. */
export const privateTimelineId = (userId: UserId): ConversationId => `${idPrefix}${userId}` as ConversationId;

export const isPrivateTimeline = (conversationId: ConversationId): boolean => conversationId.startsWith(idPrefix);

/** The user whose private timeline it is; undefined for other conversations. */
export const privateTimelineOwner = (conversationId: ConversationId): UserId | undefined =>
  isPrivateTimeline(conversationId) ? (conversationId.slice(idPrefix.length) as UserId) : undefined;

/** [E21] What a change replaces: of each key the newest one is the present state. */
export function privateKey(change: PrivateChange): string {
  return `${change.type} ${change.type === 'setting' ? change.name : change.conversation_id}`;
}

/** Nothing is set by it any more. */
export function isRemoval({ change, others }: PrivateItem['content']): boolean {
  switch (change.type) {
    case 'mute':
      return change.until === null;
    case 'pin':
      return !change.pinned;
    case 'archive':
      return change.count === null;
    case 'draft':
      return change.text === '' && !others;
    case 'setting':
      return change.value === null;
    case 'read':
      return false;
  }
}

/** [E22] The texts of a draft, its own first. */
export function draftTexts({ change, device_id, others = [] }: PrivateItem['content']): readonly DraftText[] {
  if (change.type !== 'draft' || !change.text) return others;
  return [{ text: change.text, ...(device_id === undefined ? {} : { device_id }) }, ...others];
}

/**
 * [E22] What a draft is kept beside. A text that continues the present draft replaces it with all its texts. Any other replaces the
 * texts of its own device alone: those of other devices remain until one continues the draft that shows them all.
 */
export function otherTexts(
  change: Extract<PrivateChange, { type: 'draft' }>,
  current: PrivateItem | undefined,
  deviceId: DeviceId | undefined,
): readonly DraftText[] {
  if (!current || current.seq === change.base_revision) return [];
  const isOwn = ({ device_id }: DraftText) => device_id !== undefined && device_id === deviceId;
  return draftTexts(current.content).filter((one) => !isOwn(one) && one.text !== change.text);
}

/**
 * [E24] A message that came after it was archived brings a conversation back, unless it came while the conversation was muted: the end
 * of the mute brings nothing back by itself.
 */
export function isArchived(facts: {
  /** The count of the conversation that was archived; undefined: it is not archived. */
  readonly archivedCount: number | undefined;
  readonly lastCount: number;
  readonly isMuted: boolean;
  /** Of the last mute, also one that has ended. */
  readonly mutedUntilMs: number;
  /** The server's time of the newest message. */
  readonly lastMessageMs: number;
}): boolean {
  const { archivedCount, lastCount, isMuted, mutedUntilMs, lastMessageMs } = facts;
  return archivedCount !== undefined && (lastCount <= archivedCount || isMuted || lastMessageMs < mutedUntilMs);
}
