// The deliveries of one endpoint: reads the log from its cursor on, sends what matches, and keeps going around what fails [W4, W5].

import { assert, unreachable } from '@hongyan/base/assert';
import type { Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type EventType, unfilteredTypes, type WireEvent } from '@hongyan/protocol/events';
import { pauseAfter, pauseMsMax, type RetryRules } from '../../../domain/retry-schedule.ts';
import type { Claim } from '../../../ports/event-log/claims.ts';
import type { EventLog, StoredEvent } from '../../../ports/event-log/event-log.ts';
import { type EventView, gapEvent, gapLane } from '../../../ports/event-log/event-view.ts';
import type { Endpoint, Progress } from '../../../ports/event-log/webhooks.ts';
import { type DeliveryDeps, deliver, type Outcome } from './delivery.ts';
import { type Lane, Lanes } from './lanes.ts';
import { Settlements } from './settlements.ts';

export interface DeliveryRules {
  /** Requests under way at once. */
  readonly concurrency: number;
  readonly retry: RetryRules;
  /** Parked events; with more the endpoint reads nothing new: then every conversation waits. */
  readonly waitingMax: number;
  /** An endpoint that failed without a success for so long is disabled. */
  readonly giveUpMs: number;
}

export interface EndpointDeps extends DeliveryDeps {
  readonly events: EventLog;
  /** Of sending for the endpoint. */
  readonly claim: Claim;
  /** It stops by itself; what it did not note is sent again. */
  readonly onClaimLost: () => void;
  readonly view: EventView;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  readonly rules: DeliveryRules;
  /** It stops by itself, and is to be disabled. */
  readonly onGone: (reason: string) => void;
  readonly onAttempt: (outcome: Outcome['type'] | 'dead') => void;
}

interface Sent {
  readonly event: WireEvent;
  /** To an endpoint that was taken for dead. */
  readonly isProbe: boolean;
}

/** Read and not yet delivered or parked. */
const inHandMax = 256;
const pageSize = 100;
/** When the last events of so many lanes failed and none was delivered, the endpoint itself is taken for dead. */
const failedLanesMax = 3;
/** A dead endpoint is asked again at least so often. */
const probePauseMsMax = 300_000;
/** After a failure of our own store. */
const retryMs = 1_000;

export class EndpointDeliveries {
  readonly #endpoint: Endpoint;
  readonly #deps: EndpointDeps;
  readonly #lanes = new Lanes();
  readonly #settlements: Settlements;
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  /** Positions that were read and are neither delivered nor parked; ascending. */
  readonly #inHand = new Set<number>();
  readonly #failedLanes = new Set<string>();
  #parkedCount = 0;
  #readThrough: number;
  #failures: number;
  #failingSinceMs: number;
  /** Of a dead endpoint, with what had it taken for dead as the first; undefined while it is not. */
  #failedProbes: number | undefined;
  /** Asked for by the receiver: a success of what was under way by then does not end it. */
  #pausedUntilMs: number;
  /** Of a dead endpoint. */
  #nextProbeMs = 0;
  #isReading = false;
  #isFinishing = false;
  #timer: Timer | undefined;

  constructor(endpoint: Endpoint, deps: EndpointDeps) {
    this.#endpoint = endpoint;
    this.#deps = deps;
    const { cursor, failures, failingSinceMs, pausedUntilMs } = endpoint.progress;
    this.#readThrough = cursor;
    this.#failures = failures;
    this.#failingSinceMs = failingSinceMs;
    this.#pausedUntilMs = this.#soonEnough(pausedUntilMs);
    const onClaimLost = () => this.#lose();
    this.#settlements = new Settlements(endpoint.id, { ...deps, onClaimLost }, () => this.progress);
  }

  get progress(): Progress {
    const [first] = this.#inHand;
    const cursor = first === undefined ? this.#readThrough : Math.min(first - 1, this.#readThrough);
    return {
      ...{ cursor, failures: this.#failures, failingSinceMs: this.#failingSinceMs },
      pausedUntilMs: this.#notBeforeMs,
    };
  }

  get #notBeforeMs(): number {
    return Math.max(this.#pausedUntilMs, this.#nextProbeMs);
  }

  async start(): Promise<void> {
    const parked = await this.#deps.events.parked(this.#endpoint.id);
    this.#parkedCount = parked.length;
    this.#lanes.load(parked.map((one) => ({ ...one, nextMs: this.#soonEnough(one.nextMs) })));
    this.#pump();
  }

  /** Whoever noted the time may have had another clock. */
  #soonEnough(atMs: number): number {
    return Math.min(atMs, this.#deps.clock.nowMs() + pauseMsMax);
  }

  /** No request is under way. */
  get isIdle(): boolean {
    return this.#underWay.size === 0;
  }

  /** Begins nothing more: a `stop` after it leaves nothing that others would repeat but what it gave up. */
  beginNoMore(): void {
    this.#isFinishing = true;
    this.#timer?.cancel();
  }

  /** As `beginNoMore`; resolves when what was under way is done. */
  async finish(): Promise<void> {
    this.#deps.log.info('handing a webhook endpoint over to another worker', { endpoint: this.#endpoint.id });
    this.beginNoMore();
    await Promise.all(this.#underWay);
  }

  /** Gives up what is under way. */
  abort(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
  }

  /** As `abort`; resolves when everything that happened is written down. */
  async stop(): Promise<void> {
    this.abort();
    await Promise.all(this.#underWay);
    // The cursor passes all that was read: what was delivered behind something that was not is not delivered again.
    if (this.#isFinishing) for (const lane of this.#lanes.unparked) this.#parkAll(lane);
    await this.#settlements.flush();
  }

  #lose(): void {
    this.abort();
    this.#deps.onClaimLost();
  }

  /** Begins what may begin. Called whenever something changed. */
  #pump(): void {
    if (this.#isOver) return;
    const { clock, rules } = this.#deps;
    const nowMs = clock.nowMs();
    const isDead = this.#failedProbes !== undefined;
    if (nowMs >= this.#notBeforeMs) {
      const slots = isDead ? 1 : rules.concurrency;
      while (this.#underWay.size < slots) {
        const lane = this.#lanes.take(nowMs);
        if (!lane) break;
        this.#run(this.#send(lane));
      }
      // A dead endpoint is probed with what is due, or else with one new event.
      if (this.#hasRoom() && (!isDead || this.#underWay.size === 0)) void this.#readOn(isDead ? 1 : pageSize);
    }
    this.#arm(nowMs);
  }

  get #isOver(): boolean {
    return this.#isFinishing || this.#stopping.signal.aborted;
  }

  #run(work: Promise<void>): void {
    const running = work
      .catch((error: unknown) =>
        this.#deps.log.error('webhook delivery failed', { endpoint: this.#endpoint.id, error }),
      )
      .finally(() => {
        this.#underWay.delete(running);
        this.#pump();
      });
    this.#underWay.add(running);
  }

  #hasRoom(): boolean {
    return !this.#isReading && this.#inHand.size < inHandMax && this.#parkedCount < this.#deps.rules.waitingMax;
  }

  #arm(nowMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const isPaused = nowMs < this.#notBeforeMs;
    const dueMs = isPaused ? this.#notBeforeMs : this.#lanes.nextMs;
    // What is ready already waits for a request under way to end.
    if (dueMs === undefined || (!isPaused && this.#lanes.hasReady)) return;
    this.#timer = this.#deps.clock.after(Math.max(1, dueMs - nowMs), () => this.#pump());
  }

  async #readOn(limit: number): Promise<void> {
    this.#isReading = true;
    const { events, clock, log } = this.#deps;
    try {
      const types = this.#endpoint.types.length === 0 ? undefined : [...this.#endpoint.types, ...unfilteredTypes];
      const page = await events.read({ after: this.#readThrough, limit, types });
      if (this.#isOver) return;
      // What was appended after a change of the endpoint is not sent as it was before.
      if (page.events.length > 0 && !(await this.#isHeld())) return;
      const ends = page.hasGap ? await events.ends() : undefined;
      if (this.#isOver) return;
      if (ends) this.#take(gapEvent(ends.removedThrough, clock.nowMs()));
      for (const event of page.events) this.#take(event);
      if (page.position > this.#readThrough) this.#settlements.changed();
      this.#readThrough = page.position;
      if (page.isAtEnd && page.events.length === 0) return void this.#awaken(page.position);
    } catch (error) {
      log.error('failed to read events for a webhook, retrying', { endpoint: this.#endpoint.id, error });
      clock.after(retryMs, () => this.#resume());
      return;
    }
    this.#resume();
  }

  /** False: another process sends for the endpoint by now, or it was changed, and nothing more is sent here. */
  async #isHeld(): Promise<boolean> {
    const isHeld = (await this.#deps.events.held([this.#deps.claim])).length > 0 && !this.#stopping.signal.aborted;
    if (!isHeld && !this.#stopping.signal.aborted) this.#lose();
    return isHeld;
  }

  /** At the end of the log: goes on with the next event. */
  async #awaken(after: number): Promise<void> {
    await this.#deps.events.wait({ after, signal: this.#stopping.signal });
    this.#resume();
  }

  #resume(): void {
    this.#isReading = false;
    this.#pump();
  }

  #take(event: StoredEvent): void {
    if (this.#lanes.add(event)) this.#park({ position: event.position, lane: event.lane, attempts: 0, nextMs: 0 });
    else this.#inHand.add(event.position);
  }

  #park(parked: Parameters<Settlements['park']>[0]): void {
    this.#parkedCount++;
    this.#settlements.park(parked);
  }

  async #send(lane: Lane): Promise<void> {
    const [item] = lane.items;
    assert(item, 'a lane that may send has an item');
    const { clock } = this.#deps;
    const event = await this.#eventOf(lane, item.position, item.event);
    if (event === undefined) return this.#bury(lane, undefined, 'removed by retention before it was delivered');
    if (event === 'unreadable') return this.#lanes.failed(lane, clock.nowMs() + retryMs);
    const beganMs = clock.monotonicMs();
    const isProbe = this.#failedProbes !== undefined;
    const outcome = await deliver(event, this.#endpoint, { ...this.#deps, signal: this.#stopping.signal });
    // Given up half-way by a stop: nobody knows, so it is delivered again.
    if (this.#stopping.signal.aborted && outcome.type !== 'delivered') return;
    this.#deps.onAttempt(outcome.type);
    this.#settlements.attempted({
      ...{ position: item.position, eventId: event.id, type: event.type, atMs: clock.nowMs() },
      durationMs: Math.round(clock.monotonicMs() - beganMs),
      ...{ status: outcome.status, error: outcome.type === 'delivered' ? '' : outcome.error },
    });
    this.#came(outcome, lane, { event, isProbe });
  }

  async #eventOf(
    { name }: Lane,
    position: number,
    read: StoredEvent | undefined,
  ): Promise<WireEvent | undefined | 'unreadable'> {
    const { events, view, clock, log } = this.#deps;
    try {
      if (read === undefined && !(await this.#isHeld())) return 'unreadable';
      const event = read ?? (await events.at(position)) ?? missingEvent(name, position, clock.nowMs());
      return event === undefined ? undefined : (await view.render([event]))[0];
    } catch (error) {
      log.error('failed to read an event for a webhook, retrying', { endpoint: this.#endpoint.id, position, error });
      return 'unreadable';
    }
  }

  #came(outcome: Outcome, lane: Lane, sent: Sent): void {
    switch (outcome.type) {
      case 'delivered':
        this.#failures = 0;
        this.#failingSinceMs = 0;
        this.#failedProbes = undefined;
        this.#failedLanes.clear();
        this.#nextProbeMs = 0;
        return this.#finish(lane);
      case 'gone':
        this.#stopping.abort();
        return this.#deps.onGone(outcome.error);
      case 'failed':
        return this.#failed(outcome, lane, sent);
      default:
        return unreachable(outcome);
    }
  }

  #failed({ error, pauseMs }: Extract<Outcome, { type: 'failed' }>, lane: Lane, { event, isProbe }: Sent): void {
    const { clock, rules, random } = this.#deps;
    const nowMs = clock.nowMs();
    this.#failures++;
    if (this.#failingSinceMs === 0) this.#failingSinceMs = nowMs;
    lane.attempts++;
    this.#takeForDead(lane, { nowMs, isProbe });
    if (pauseMs !== undefined)
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + Math.min(pauseMs, pauseMsMax));
    if (lane.attempts >= rules.retry.attemptsMax) this.#bury(lane, event, error);
    else {
      this.#lanes.failed(lane, nowMs + pauseAfter(lane.attempts, rules.retry, random()));
      this.#parkAll(lane);
    }
    if (nowMs - this.#failingSinceMs < rules.giveUpMs) return;
    this.#stopping.abort();
    this.#deps.onGone(
      `every attempt failed since ${new Date(this.#failingSinceMs).toISOString()}; the last one: ${error}`,
    );
  }

  /** One bad conversation is no dead endpoint; several in a row, without a success, are. */
  #takeForDead({ name }: Lane, { nowMs, isProbe }: { readonly nowMs: number; readonly isProbe: boolean }): void {
    const { rules, random } = this.#deps;
    this.#failedLanes.add(name);
    const isDead = this.#failedProbes !== undefined;
    // What was under way when it was taken for dead says no more than what failed before it.
    if (isDead ? !isProbe : this.#failedLanes.size < failedLanesMax) return;
    this.#failedProbes = (this.#failedProbes ?? 0) + 1;
    const pauseMs = Math.min(probePauseMsMax, pauseAfter(this.#failedProbes, rules.retry, random()));
    this.#nextProbeMs = Math.max(this.#nextProbeMs, nowMs + pauseMs);
  }

  /** From now on the cursor may pass them. */
  #parkAll({ name, items, attempts, nextMs }: Lane): void {
    for (const [index, item] of items.entries()) {
      if (item.isParked && index > 0) continue;
      const { position } = item;
      if (item.isParked) this.#parkedCount--;
      this.#inHand.delete(position);
      this.#park({ position, lane: name, ...(index === 0 ? { attempts, nextMs } : { attempts: 0, nextMs: 0 }) });
      items[index] = { position, event: undefined, isParked: true };
    }
  }

  /** A dead letter: kept to be looked at and replayed, and no longer in the way of what is behind it. */
  #bury(lane: Lane, event: WireEvent | undefined, error: string): void {
    const [item] = lane.items;
    assert(item, 'a lane that failed has an item');
    const { clock, log, onAttempt } = this.#deps;
    onAttempt('dead');
    log.warn('webhook event became a dead letter', { endpoint: this.#endpoint.id, event: event?.id, error });
    this.#settlements.died({
      ...{ position: item.position, eventId: event?.id ?? '', type: event?.type ?? unknownType, lane: lane.name },
      ...{ attempts: lane.attempts, error, atMs: clock.nowMs() },
    });
    this.#finish(lane);
  }

  #finish(lane: Lane): void {
    const [item] = lane.items;
    assert(item, 'a lane that sent has an item');
    if (item.isParked) {
      this.#parkedCount--;
      this.#settlements.unpark(item.position);
    } else {
      this.#inHand.delete(item.position);
      this.#settlements.changed();
    }
    this.#lanes.delivered(lane);
  }
}

/** [W2] What stands for an event that is not in the log: a gap of retention never was. */
const missingEvent = (lane: string, position: number, nowMs: number): StoredEvent | undefined =>
  lane === gapLane ? gapEvent(position, nowMs) : undefined;

/** Of an event that is not kept any more. */
const unknownType: EventType = 'events.gap';
