// Receipts on their way to the directory: coalesced while the batch before commits, pushed to the others once durable.

import { soon } from '@hongyan/base/soon';
import { type ConversationId, directMembers, type Seq } from '@hongyan/protocol/ids';
import type { Actor, Outcome } from '../../ports/core/core.ts';
import type { ReceiptAdvance, ReceiptResult } from '../../ports/directory/directory.ts';
import { type BusEvent, conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import type { CoreDeps } from './deps.ts';
import { encode } from './frames.ts';
import type { MembershipCache } from './membership-cache.ts';
import { done, notMember, refused } from './outcome.ts';

interface Pending {
  advance: { conversationId: ConversationId; actor: Actor; deliveredSeq: Seq; readSeq: Seq };
  readonly resolvers: ((outcome: Outcome<void>) => void)[];
}

/** Positions of one device in one conversation waiting for their commit; more than this and callers are told to come back. */
const pendingMax = 100_000;

export function createReceipts(deps: CoreDeps, memberships: MembershipCache) {
  const { directory, timeline, bus, clock, log, limits } = deps;
  let pending = new Map<string, Pending>();
  let working = false;

  function advance(request: Pending['advance']): Promise<Outcome<void>> {
    const key = `${request.conversationId}|${request.actor.userId}|${request.actor.deviceId}`;
    const known = pending.get(key);
    if (!known && pending.size >= pendingMax)
      return Promise.resolve(refused('overloaded', 'too many receipts are waiting'));
    return new Promise((resolve) => {
      if (known) {
        known.advance = furthest(known.advance, request);
        known.resolvers.push(resolve);
      } else pending.set(key, { advance: request, resolvers: [resolve] });
      if (working) return;
      working = true;
      soon(work);
    });
  }

  async function work(): Promise<void> {
    while (pending.size > 0) {
      const batch = [...pending.values()];
      pending = new Map();
      try {
        await commit(batch);
      } catch (error) {
        log.error('receipts failed', { size: batch.length, error });
        answer(batch, refused('unavailable', 'receipts cannot be stored now'));
      }
    }
    working = false;
  }

  async function commit(batch: readonly Pending[]): Promise<void> {
    const heads = await timeline.heads(batch.map((item) => item.advance.conversationId));
    const accepted: Pending[] = [];
    for (const [index, item] of batch.entries()) {
      const { conversationId, actor, deliveredSeq, readSeq } = item.advance;
      const lastSeq = heads[index]?.lastSeq ?? 0;
      const membership =
        memberships.peek(conversationId, actor.userId) ?? (await memberships.get(conversationId, actor.userId));
      if (!membership) answer([item], notMember);
      else if (deliveredSeq > lastSeq || readSeq > lastSeq) {
        answer([item], refused('bad_request', `seq is beyond the last of the conversation, ${lastSeq}`)); // [D7]
      } else accepted.push(item);
    }
    if (accepted.length === 0) return;
    const atMs = clock.nowMs();
    const results = await directory.advanceReceipts(accepted.map((item) => toAdvance(item, atMs)));
    bus.publish(results.flatMap((result) => receiptEvents(result)));
    answer(accepted, done);
  }

  /** Small conversations hear of it; in large ones that would be N², so only the user's own devices do. */
  function receiptEvents(result: ReceiptResult): BusEvent[] {
    if (!result.changed) return [];
    const { conversationId, userId } = result;
    const frame = encode<'receipt'>({
      type: 'receipt',
      conversation_id: conversationId,
      user_id: userId,
      delivered_seq: result.deliveredSeq,
      read_seq: result.readSeq,
    });
    const pair = directMembers(conversationId);
    if (pair) return [...new Set(pair)].map((member) => ({ type: 'frame', topic: userTopic(member), frame }));
    const size = memberships.peek(conversationId, userId)?.conversation.memberCount ?? Number.POSITIVE_INFINITY;
    const topic = size <= limits.receiptsPushMax ? conversationTopic(conversationId) : userTopic(userId);
    return [{ type: 'frame', topic, frame }];
  }

  return { advance };
}

function answer(batch: readonly Pending[], outcome: Outcome<void>): void {
  for (const item of batch) for (const resolve of item.resolvers) resolve(outcome);
}

function furthest(a: Pending['advance'], b: Pending['advance']): Pending['advance'] {
  return {
    ...a,
    deliveredSeq: Math.max(b.deliveredSeq, a.deliveredSeq) as Seq,
    readSeq: Math.max(b.readSeq, a.readSeq) as Seq,
  };
}

function toAdvance({ advance }: Pending, atMs: number): ReceiptAdvance {
  const { conversationId, actor, deliveredSeq, readSeq } = advance;
  return { conversationId, userId: actor.userId, deviceId: actor.deviceId, deliveredSeq, readSeq, atMs };
}
