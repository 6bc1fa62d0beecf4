// The frame that notifies members of a change of their conversation.

import type { ConversationChange } from '@hongyan/protocol/conversation';
import type { DownOf } from '@hongyan/protocol/down';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { ConversationRecord } from '../../ports/directory/conversations.ts';

type Summary = DownOf<'conversation'>['conversation'];

/** What is the same for all members. `members` is undefined if there are too many to list. */
export function summaryOf(
  record: Omit<ConversationRecord, 'conversationId'>,
  members: readonly UserId[] | undefined,
): Summary {
  return {
    kind: record.kind,
    ...(record.title === '' ? {} : { title: record.title }),
    ...(members === undefined ? {} : { members: [...members] }),
    member_count: record.memberCount,
    created_at: record.createdAtMs,
    history_visible: record.isHistoryVisible,
    rules: record.rules,
  };
}

export function changeFrame(change: {
  readonly conversationId: ConversationId;
  readonly change: ConversationChange;
  /** The member who joined, left or got another role. */
  readonly userId?: UserId;
  readonly record: Omit<ConversationRecord, 'conversationId'>;
  readonly members: readonly UserId[] | undefined;
}): string {
  const frame: DownOf<'conversation'> = {
    type: 'conversation',
    conversation_id: change.conversationId,
    change: change.change,
    user_id: change.userId,
    conversation: summaryOf(change.record, change.members),
  };
  return JSON.stringify(frame);
}
