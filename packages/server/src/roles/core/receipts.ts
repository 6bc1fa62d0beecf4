// Receipts on their way to the directory: coalesced while the batch before commits, pushed to the others once durable.

import { sleep } from '@hongyan/base/clock';
import { soon } from '@hongyan/base/soon';
import { directMembers } from '@hongyan/protocol/direct';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Actor, Outcome } from '../../ports/core/core.ts';
import type { ReceiptAdvance, ReceiptResult } from '../../ports/directory/directory.ts';
import { type BusEvent, conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import type { CoreDeps } from './deps.ts';
import { encode } from './frames.ts';
import type { MembershipCache } from './membership-cache.ts';
import { done, notMember, refused } from './outcome.ts';

interface Wanted {
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly resolve: (outcome: Outcome<void>) => void;
}

/** What one device wants to say of one conversation since the last commit. */
interface Pending {
  readonly conversationId: ConversationId;
  readonly actor: Actor;
  readonly wanted: Wanted[];
}

/** Positions of one device in one conversation waiting for their commit; more than this and callers are told to come back. */
const pendingMax = 100_000;
/** Of one commit, so that it holds up neither the event loop nor the directory's other writes for long; the rest waits for the next. */
const batchMax = 1_000;
/**
 * Commits begin at least this far apart: each costs an fsync that the messages' commits wait behind, and nobody sees a
 * receipt that comes 5 ms later. The first after a pause is committed at once.
 */
const commitEveryMs = 5;

export function createReceipts(deps: CoreDeps, memberships: MembershipCache) {
  const { directory, timeline, bus, clock, log, limits } = deps;
  const pending = new Map<string, Pending>();
  let working = false;
  let notBeforeMs = 0;

  function advance(
    request: Pick<Pending, 'conversationId' | 'actor'> & Omit<Wanted, 'resolve'>,
  ): Promise<Outcome<void>> {
    const { conversationId, actor, deliveredSeq, readSeq } = request;
    const key = `${conversationId}|${actor.userId}|${actor.deviceId}`;
    const known = pending.get(key);
    if (!known && pending.size >= pendingMax)
      return Promise.resolve(refused('overloaded', 'too many receipts are waiting'));
    return new Promise((resolve) => {
      const wanted = { deliveredSeq, readSeq, resolve };
      if (known) known.wanted.push(wanted);
      else pending.set(key, { conversationId, actor, wanted: [wanted] });
      if (working) return;
      working = true;
      soon(work);
    });
  }

  async function work(): Promise<void> {
    while (pending.size > 0) {
      const delayMs = notBeforeMs - clock.monotonicMs();
      if (delayMs > 0) await sleep(clock, { delayMs });
      notBeforeMs = clock.monotonicMs() + commitEveryMs;
      const batch = takeBatch();
      try {
        await commit(batch);
      } catch (error) {
        log.error('receipts failed', { size: batch.length, error });
        answer(batch, refused('unavailable', 'receipts cannot be stored now'));
      }
    }
    working = false;
  }

  function takeBatch(): readonly Pending[] {
    const batch: Pending[] = [];
    for (const [key, item] of pending) {
      if (batch.length >= batchMax) break;
      pending.delete(key);
      batch.push(item);
    }
    return batch;
  }

  async function commit(batch: readonly Pending[]): Promise<void> {
    const heads = await timeline.heads(batch.map((item) => item.conversationId));
    const accepted: Pending[] = [];
    for (const [index, item] of batch.entries()) {
      const { conversationId, actor, wanted } = item;
      const membership =
        memberships.peek(conversationId, actor.userId) ?? (await memberships.get(conversationId, actor.userId));
      if (!membership) answer([item], notMember);
      else {
        const within = withinLast(wanted, heads[index]?.lastSeq ?? (0 as Seq));
        if (within.length > 0) accepted.push({ conversationId, actor, wanted: within });
      }
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

/** [D7] Positions beyond the last seq are refused one by one: they do not spoil the good ones they came with. */
function withinLast(wanted: readonly Wanted[], lastSeq: Seq): Wanted[] {
  return wanted.filter(({ deliveredSeq, readSeq, resolve }) => {
    const isWithin = deliveredSeq <= lastSeq && readSeq <= lastSeq;
    if (!isWithin) resolve(refused('bad_request', `seq is beyond the last of the conversation, ${lastSeq}`));
    return isWithin;
  });
}

function answer(batch: readonly Pending[], outcome: Outcome<void>): void {
  for (const item of batch) for (const { resolve } of item.wanted) resolve(outcome);
}

function toAdvance({ conversationId, actor, wanted }: Pending, atMs: number): ReceiptAdvance {
  const furthest = (of: (one: Wanted) => Seq) => wanted.reduce((max, one) => Math.max(max, of(one)), 0) as Seq;
  const deliveredSeq = furthest((one) => one.deliveredSeq);
  const readSeq = furthest((one) => one.readSeq);
  return { conversationId, userId: actor.userId, deviceId: actor.deviceId, deliveredSeq, readSeq, atMs };
}
