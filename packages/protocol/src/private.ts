// The private timeline of a user: its id, and the meaning of its changes. Shared by the server, the client library and applications,
// so that all show the same. No dependency at run time.

import type { DraftText, PrivateChange, PrivateContent } from './content.ts';
import type { ConversationId, DeviceId, Seq, UserId } from './ids.ts';

/** The present value under the key of a change: the content of the newest entry with that key. */
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

/** [E21] A change replaces earlier changes with the same key. */
export function privateKey(change: PrivateChange): string {
  return `${change.type} ${change.type === 'setting' ? change.name : change.conversation_id}`;
}

/** Whether the content removes the value of its key. */
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

/** [E22] The texts of a draft: first that of the newest change, then those of other devices. */
export function draftTexts({ change, device_id, others = [] }: PrivateItem['content']): readonly DraftText[] {
  if (change.type !== 'draft' || !change.text) return others;
  return [{ text: change.text, ...(device_id === undefined ? {} : { device_id }) }, ...others];
}

/**
 * [E22] The texts of other devices that remain beside a new draft text. A text that continues the present draft (`base_revision`)
 * replaces all texts. Any other text replaces only the texts of its device.
 */
export function otherTexts(
  change: Extract<PrivateChange, { type: 'draft' }>,
  current: PrivateItem | undefined,
  deviceId: DeviceId | undefined,
): readonly DraftText[] {
  if (!current || current.seq === change.base_revision) return [];
  const isOfDevice = ({ device_id }: DraftText) => device_id !== undefined && device_id === deviceId;
  return draftTexts(current.content).filter((draft) => !isOfDevice(draft) && draft.text !== change.text);
}

/**
 * [E24] A new message moves an archived conversation back to the list, unless it arrived while the conversation was muted. The end of a
 * mute does not move it.
 */
export function isArchived(facts: {
  /** The message count at which the conversation was archived; undefined: it is not archived. */
  readonly archivedCount: number | undefined;
  readonly lastCount: number;
  readonly isMuted: boolean;
  /** The end of the latest mute, which may be over. */
  readonly mutedUntilMs: number;
  /** Server time of the newest message. */
  readonly lastMessageMs: number;
}): boolean {
  const { archivedCount, lastCount, isMuted, mutedUntilMs, lastMessageMs } = facts;
  return archivedCount !== undefined && (lastCount <= archivedCount || isMuted || lastMessageMs < mutedUntilMs);
}
