// Sync: what a device missed, however long it was away, as a page of conversations, newest first [M17].

import { fittingCount } from '../../domain/page.ts';
import { decodeCursor, encodeCursor, selectPage } from '../../domain/sync.ts';
import type { Outcome, SyncPage, SyncRequest } from '../../ports/core/core.ts';
import type { CoreDeps } from './deps.ts';
import { ok, refused } from './outcome.ts';
import type { createViews } from './views.ts';

/** Changes committed while a sync reads may carry an earlier time: they are told twice rather than missed. */
const overlapMs = 10_000;

export function createSync(deps: CoreDeps, views: ReturnType<typeof createViews>) {
  const { directory, timeline, clock, limits } = deps;

  return async function sync(request: SyncRequest): Promise<Outcome<SyncPage>> {
    const { userId, deviceId } = request.actor;
    const cursor = request.cursor === undefined || request.cursor === '' ? undefined : decodeCursor(request.cursor);
    if (request.cursor && !cursor) return refused('bad_request', 'the cursor is not one of this server');
    const nowMs = clock.nowMs() - overlapMs;
    const memberships = await directory.memberships(userId);
    const [heads, devicePositions] = await Promise.all([
      timeline.heads(memberships.map((item) => item.conversation.conversationId)),
      cursor && !cursor.paging?.fromReceipts ? undefined : directory.receiptsOfDevice({ userId, deviceId }),
    ]);
    const candidates = memberships.flatMap(({ conversation, member }, index) => {
      const head = heads[index];
      if (!head) return [];
      const { conversationId } = conversation;
      return [
        {
          conversationId,
          conversation,
          member,
          head,
          lastSeq: head.lastSeq,
          lastPosition: head.lastPosition,
          updatedAtMs: member.updatedAtMs,
          deviceDeliveredSeq: devicePositions?.get(conversationId)?.deliveredSeq ?? (0 as typeof head.lastSeq),
        },
      ];
    });
    const limit = Math.min(request.limit ?? 50, limits.pageMax);
    const select = (count: number) =>
      selectPage(candidates, { cursor, full: request.full ?? false, limit: count, nowMs });
    const conversations = await views.conversations(select(limit).page);
    const sizes = conversations.map((conversation) => Buffer.byteLength(JSON.stringify(conversation)));
    const fitting = fittingCount(sizes, limits.pageBytesMax);
    const selected = select(fitting < conversations.length ? fitting : limit);
    return ok({
      conversations: conversations.slice(0, fitting),
      cursor: encodeCursor(selected.cursor),
      hasMore: selected.hasMore,
      conversationCount: candidates.length,
    });
  };
}
