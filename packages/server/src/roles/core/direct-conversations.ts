// Creates direct conversations on first use, if both users exist.

import { done } from '@hongyan/base/result';
import { directMembers } from '@hongyan/protocol/direct';
import type { ConversationId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Fence } from '../../domain/fence.ts';
import { defaultRules } from '../../domain/membership.ts';
import { topicsOf } from './audience.ts';
import { changeFrame } from './conversation-frame.ts';
import type { CoreDeps } from './deps.ts';
import { frameEvents } from './publications.ts';

type Deps = Pick<CoreDeps, 'directory' | 'bus' | 'clock' | 'limits' | 'log'>;

/** Does nothing if the conversation exists. */
export async function openDirect(
  deps: Deps,
  conversationId: ConversationId,
  fence: Fence | undefined,
): Promise<Result<undefined>> {
  const pair = directMembers(conversationId);
  if (!pair) return refusal.directIdUnsorted();
  const userIds = [...new Set(pair)];
  const users = await deps.directory.getUsers(userIds);
  const missing = userIds.find((userId) => users.get(userId)?.userId !== userId);
  if (missing !== undefined) return refusal.noSuch(`user ${missing}`);
  const atMs = deps.clock.nowMs();
  const rules = defaultRules('direct');
  const creation = await deps.directory.createConversation({
    conversationId,
    kind: 'direct',
    title: '',
    isHistoryVisible: true,
    rules,
    members: userIds.map((userId) => ({ userId, role: 'member' })),
    atMs,
    conversationsPerUserMax: deps.limits.conversationsPerUserMax,
    fence,
  });
  if (creation.type === 'full')
    return refusal.tooMany(`conversations of ${creation.userId}`, deps.limits.conversationsPerUserMax);
  if (creation.type === 'exists') return done;
  const frame = changeFrame({
    conversationId,
    change: 'created',
    members: userIds,
    record: {
      kind: 'direct',
      title: '',
      memberCount: userIds.length,
      createdAtMs: atMs,
      isHistoryVisible: true,
      rules,
    },
  });
  // The conversation exists now: a failure to publish must not fail the message that created it.
  await deps.bus.publish(frameEvents(topicsOf(conversationId), frame));
  return done;
}
