// Receipts on their way to the directory: coalesced until the next commit, pushed to the others once stored.

import { assert } from '@hongyan/base/assert';
import { Batcher } from '@hongyan/base/batcher';
import { done } from '@hongyan/base/result';
import { directMembers } from '@hongyan/protocol/direct';
import type { DownOf } from '@hongyan/protocol/down';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { failure, problemOf, type Result, refusal } from '@hongyan/protocol/refusals';
import type { Position } from '@hongyan/protocol/status';
import type { DeviceCaller } from '../../ports/core/core.ts';
import type { ReceiptAdvance, ReceiptResult } from '../../ports/directory/receipts.ts';
import { type BusEvent, conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { frameEvents } from './audience.ts';
import type { CoreDeps } from './deps.ts';
import type { MembershipCache } from './membership-cache.ts';

/** Positions of one device in one conversation, as far as it reported them since the last commit. */
interface Waiting {
  readonly caller: DeviceCaller;
  readonly conversationId: ConversationId;
  readonly reports: Report[];
}

interface Accepted extends Waiting {
  readonly memberCount: number;
}

interface Report {
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly resolve: (result: Result<undefined>) => void;
}

/** Devices and conversations that wait for their commit; further ones fail as overloaded. */
const waitingMax = 100_000;
/** Of one commit, so that it holds the event loop for a millisecond at most; the rest waits for the next. */
const batchMax = 1_000;
/**
 * Commits begin at least so far apart. What a device reports meanwhile is one row and one frame: at a thousand messages a second
 * this saves most of the cost of receipts, and nobody sees a mark that comes 20 ms later. The first after a pause is not delayed.
 */
const commitEveryMs = 20;

type Deps = Pick<CoreDeps, 'directory' | 'timeline' | 'bus' | 'clock' | 'log' | 'limits'>;

export class Receipts {
  readonly #deps: Deps;
  readonly #memberships: MembershipCache;
  readonly #waiting = new Map<string, Waiting>();
  readonly #batcher: Batcher<Waiting, undefined>;

  constructor(deps: Deps, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#batcher = new Batcher({
      itemsMax: waitingMax,
      batchMax,
      inFlightMax: 1,
      pace: { minIntervalMs: commitEveryMs, clock: deps.clock },
      handle: (batch) => this.#handle(batch),
    });
  }

  /** Resolves when the position is stored; until then it may be lost with the process [D9]. */
  advance(caller: DeviceCaller, conversationId: ConversationId, position: Position): Promise<Result<undefined>> {
    const key = `${conversationId}|${caller.userId}|${caller.deviceId}`;
    return new Promise((resolve) => {
      const report = { ...position, resolve };
      const waiting = this.#waiting.get(key);
      if (waiting) {
        waiting.reports.push(report);
        return;
      }
      const first: Waiting = { caller, conversationId, reports: [report] };
      this.#waiting.set(key, first);
      this.#batcher.submit(first).catch((error: unknown) => {
        // What was reported since this commit began waits for the next one.
        if (this.#waiting.get(key) === first) this.#waiting.delete(key);
        this.#fail(first, error);
      });
    });
  }

  drain(): Promise<void> {
    return this.#batcher.drain();
  }

  #fail({ reports }: Waiting, error: unknown): void {
    const problem = problemOf(error);
    if (problem.type === 'bug') this.#deps.log.error('receipts failed', { error });
    const result = problem.type === 'bug' ? failure.unavailable() : problem;
    for (const { resolve } of reports) resolve(result);
  }

  async #handle(batch: readonly Waiting[]): Promise<readonly undefined[]> {
    for (const { conversationId, caller } of batch)
      this.#waiting.delete(`${conversationId}|${caller.userId}|${caller.deviceId}`);
    const [heads, memberships] = await Promise.all([
      this.#deps.timeline.heads(batch.map(({ conversationId }) => conversationId)),
      this.#memberships.getAll(batch.map(({ conversationId, caller }) => ({ conversationId, userId: caller.userId }))),
    ]);
    const accepted: Accepted[] = [];
    for (const [index, waiting] of batch.entries()) {
      const membership = memberships[index];
      if (!membership) {
        refuseAll(waiting.reports);
        continue;
      }
      const reports = withinLast(waiting.reports, heads[index]?.lastSeq ?? (0 as Seq));
      if (reports.length > 0) accepted.push({ ...waiting, reports, memberCount: membership.conversation.memberCount });
    }
    if (accepted.length > 0) await this.#store(accepted);
    return batch.map(() => undefined);
  }

  async #store(accepted: readonly Accepted[]): Promise<void> {
    const { directory, bus, clock, log } = this.#deps;
    const atMs = clock.nowMs();
    try {
      const results = await directory.advanceReceipts(accepted.map((waiting) => toAdvance(waiting, atMs)));
      const events = results.flatMap((result, index) => this.#eventsOf(result, accepted[index]?.memberCount ?? 0));
      bus.publish(events).catch((error: unknown) => log.error('events not published', { error }));
      for (const { reports } of accepted) for (const { resolve } of reports) resolve(done);
    } catch (error) {
      log.error('receipts not stored', { size: accepted.length, error });
      for (const waiting of accepted) this.#fail(waiting, error);
    }
  }

  /** Reported to small conversations; in large ones that would be N² frames, so only to the user's own devices. */
  #eventsOf(result: ReceiptResult, memberCount: number): BusEvent[] {
    if (!result.changed) return [];
    const { conversationId, userId } = result;
    const frame: DownOf<'receipt'> = {
      type: 'receipt',
      conversation_id: conversationId,
      user_id: userId,
      delivered_seq: result.deliveredSeq,
      read_seq: result.readSeq,
    };
    const pair = directMembers(conversationId);
    if (pair) return frameEvents([...new Set(pair)].map(userTopic), JSON.stringify(frame));
    const isPushed = memberCount <= this.#deps.limits.receiptsPushMax;
    return frameEvents([isPushed ? conversationTopic(conversationId) : userTopic(userId)], JSON.stringify(frame));
  }
}

/** [D7] Positions beyond the last seq are refused one by one: they do not spoil the good ones they came with. */
function withinLast(reports: readonly Report[], lastSeq: Seq): Report[] {
  return reports.filter(({ deliveredSeq, readSeq, resolve }) => {
    const isWithin = deliveredSeq <= lastSeq && readSeq <= lastSeq;
    if (!isWithin) resolve(refusal.seqBeyondLast(lastSeq));
    return isWithin;
  });
}

function refuseAll(reports: readonly Report[]): void {
  for (const { resolve } of reports) resolve(refusal.notMember());
}

function toAdvance({ conversationId, caller, reports }: Waiting, atMs: number): ReceiptAdvance {
  assert(reports.length > 0, 'a device waits with at least one report');
  const furthest = (of: (report: Report) => Seq) =>
    reports.reduce((max, report) => Math.max(max, of(report)), 0) as Seq;
  const deliveredSeq = furthest((report) => report.deliveredSeq);
  const readSeq = furthest((report) => report.readSeq);
  return { conversationId, userId: caller.userId, deviceId: caller.deviceId, deliveredSeq, readSeq, atMs };
}
