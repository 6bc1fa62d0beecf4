// Coalesces receipts until the next commit of the directory, and publishes them once they are stored.

import { assert } from '@hongyan/base/assert';
import { Batcher } from '@hongyan/base/batcher';
import { done } from '@hongyan/base/result';
import { TransientMap } from '@hongyan/base/transient-map';
import { isDirect } from '@hongyan/protocol/direct';
import type { DownOf } from '@hongyan/protocol/down';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { failure, problemOf, type Result, refusal } from '@hongyan/protocol/refusals';
import type { Position } from '@hongyan/protocol/status';
import type { DeviceCaller } from '../../ports/core/core.ts';
import type { ReceiptAdvance, ReceiptResult } from '../../ports/directory/receipts.ts';
import { type BusEvent, type Topic, userTopic } from '../../ports/event-bus/event-bus.ts';
import type { Audiences } from './audience.ts';
import type { CoreDeps } from './deps.ts';
import type { MembershipCache } from './membership-cache.ts';

/** The positions that a device has reported in one conversation since the last commit. */
interface Waiting {
  /** Key in the map of waiting reports. */
  readonly key: string;
  readonly caller: DeviceCaller;
  readonly conversationId: ConversationId;
  readonly reports: Report[];
}

interface Accepted {
  readonly waiting: Waiting;
  /** Reports within the last seq of the conversation. */
  readonly reports: readonly Report[];
  readonly memberCount: number;
}

interface Report {
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly resolve: (result: Result<undefined>) => void;
}

/** Pairs of device and conversation that wait for a commit; further ones fail as overloaded. */
const waitingMax = 100_000;
/** Pairs in one commit, which then blocks the event loop for a millisecond at most. */
const batchMax = 1_000;
/**
 * Commits start at least 20 ms apart, small ones up to 50 ms. All reports of a device in this time are one row and one frame: at a
 * thousand messages per second this saves most of the cost of receipts. The first commit after a pause is not delayed.
 */
const gathering = { minIntervalMs: 20, patience: { items: 100, patienceMs: 50 } };

type Deps = Pick<CoreDeps, 'directory' | 'timeline' | 'bus' | 'outlet' | 'clock' | 'log' | 'limits'>;

export class Receipts {
  readonly #deps: Deps;
  readonly #memberships: MembershipCache;
  readonly #audiences: Audiences;
  readonly #waiting = new TransientMap<string, Waiting>();
  readonly #batcher: Batcher<Waiting, undefined>;

  constructor(deps: Deps, memberships: MembershipCache, audiences: Audiences) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#audiences = audiences;
    this.#batcher = new Batcher({
      itemsMax: waitingMax,
      batchMax,
      inFlightMax: 1,
      pace: { ...gathering, clock: deps.clock },
      handle: (batch) => this.#handle(batch),
    });
  }

  /** Resolves when the position is stored. Until then it is lost if the process dies [D9]. */
  advance(caller: DeviceCaller, conversationId: ConversationId, position: Position): Promise<Result<undefined>> {
    const key = `${conversationId}|${caller.userId}|${caller.deviceId}`;
    const { deliveredSeq, readSeq } = position;
    return new Promise((resolve) => {
      const report = { deliveredSeq, readSeq, resolve };
      const waiting = this.#waiting.get(key);
      if (waiting) waiting.reports.push(report);
      else this.#submit({ key, caller, conversationId, reports: [report] });
    });
  }

  #submit(waiting: Waiting): void {
    this.#waiting.set(waiting.key, waiting);
    this.#batcher.submit(waiting).catch((error: unknown) => {
      // Reports since the start of this commit wait for the next one: they are not failed here.
      if (this.#waiting.get(waiting.key) === waiting) this.#waiting.delete(waiting.key);
      this.#fail(waiting.reports, error);
    });
  }

  drain(): Promise<void> {
    return this.#batcher.drain();
  }

  #fail(reports: readonly Report[], error: unknown): void {
    const problem = problemOf(error);
    if (problem.type === 'bug') this.#deps.log.error('receipts failed', { error });
    const result = problem.type === 'bug' ? failure.unavailable() : problem;
    for (const { resolve } of reports) resolve(result);
  }

  async #handle(batch: readonly Waiting[]): Promise<readonly undefined[]> {
    for (const { key } of batch) this.#waiting.delete(key);
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
      const { memberCount } = membership.conversation;
      if (reports.length > 0) accepted.push({ waiting, reports, memberCount });
    }
    if (accepted.length > 0) await this.#store(accepted);
    return batch.map(() => undefined);
  }

  async #store(accepted: readonly Accepted[]): Promise<void> {
    const { directory, bus, clock, log, outlet } = this.#deps;
    const atMs = clock.nowMs();
    try {
      const advances = accepted.map((each) => toAdvance(each, atMs));
      // Before they are stored: after a crash in between the devices report them again.
      if (outlet.isWanted) await outlet.positions(advances);
      const results = await directory.advanceReceipts(advances);
      void bus.publish(this.#eventsOf(results, accepted));
      for (const { reports } of accepted) for (const { resolve } of reports) resolve(done);
    } catch (error) {
      log.error('receipts not stored', { size: accepted.length, error });
      for (const { reports } of accepted) this.#fail(reports, error);
    }
  }

  #eventsOf(results: readonly ReceiptResult[], accepted: readonly Accepted[]): BusEvent[] {
    const events: BusEvent[] = [];
    for (let index = 0; index < results.length; index++) {
      const [result, origin] = [results[index], accepted[index]];
      if (!result?.changed || !origin) continue;
      const frame = frameOf(result);
      // For the user's own devices the frame may wait: the reporting device knows the position already.
      const ownTopic = userTopic(origin.waiting.caller.userId);
      for (const topic of this.#topicsOf(origin))
        events.push(
          topic === ownTopic ? { type: 'frame', topic, frame, mayWait: true } : { type: 'frame', topic, frame },
        );
    }
    return events;
  }

  /** In large conversations only the user's devices: N members would cause N² frames. */
  #topicsOf({ waiting, memberCount }: Accepted): readonly Topic[] {
    const isPushed = memberCount <= this.#deps.limits.receiptsPushMax || isDirect(waiting.conversationId);
    return isPushed ? this.#audiences.topicsOf(waiting.conversationId) : [userTopic(waiting.caller.userId)];
  }
}

function frameOf({ conversationId, userId, deliveredSeq, readSeq }: ReceiptResult): string {
  const frame: DownOf<'receipt'> = {
    type: 'receipt',
    conversation_id: conversationId,
    user_id: userId,
    delivered_seq: deliveredSeq,
    read_seq: readSeq,
  };
  return JSON.stringify(frame);
}

/** [D7] Refuses each position beyond the last seq, without affecting the valid ones. */
function withinLast(reports: readonly Report[], lastSeq: Seq): readonly Report[] {
  const within: Report[] = [];
  for (const report of reports) {
    if (report.deliveredSeq <= lastSeq && report.readSeq <= lastSeq) within.push(report);
    else report.resolve(refusal.seqBeyondLast(lastSeq));
  }
  return within;
}

function refuseAll(reports: readonly Report[]): void {
  for (const { resolve } of reports) resolve(refusal.notMember());
}

function toAdvance({ waiting, reports }: Accepted, atMs: number): ReceiptAdvance {
  assert(reports.length > 0, 'an accepted device has at least one report');
  const { conversationId, caller } = waiting;
  let [deliveredSeq, readSeq] = [0 as Seq, 0 as Seq];
  for (const report of reports) {
    if (report.deliveredSeq > deliveredSeq) deliveredSeq = report.deliveredSeq;
    if (report.readSeq > readSeq) readSeq = report.readSeq;
  }
  return { conversationId, userId: caller.userId, deviceId: caller.deviceId, deliveredSeq, readSeq, atMs };
}
