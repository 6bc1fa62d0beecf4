// Records what happens and sends it to the endpoints, as far as this process has the claims: of several processes one does each of it,
// each does its share of all, and when one dies the others go on [W4].

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { shareOf } from '../../../domain/share.ts';
import { type Claim, recordJob, sendJob, workerJob } from '../../../ports/event-log/claims.ts';
import type { EventLog } from '../../../ports/event-log/event-log.ts';
import { EventView } from '../../../ports/event-log/event-view.ts';
import type { Endpoint } from '../../../ports/event-log/webhooks.ts';
import type { TimelineReads } from '../../../ports/timeline/timeline.ts';
import { EndpointDeliveries, type EndpointDeps } from './endpoint-deliveries.ts';
import type { EventRecorder } from './recorder.ts';

export interface EventSenderDeps
  extends Omit<EndpointDeps, 'claim' | 'events' | 'onClaimLost' | 'onGone' | 'view' | 'log'> {
  readonly log: Log;
  readonly timeline: Pick<TimelineReads, 'messagesAt' | 'range'>;
  readonly recorder: Pick<EventRecorder, 'start' | 'stop'>;
  /** Events are recorded though no endpoint wants them: somebody pulls. */
  readonly isPulled: boolean;
  /** Names this life of the process among those that send. The names of those that began earlier come before it. */
  readonly worker: string;
}

/** What a process that died had is claimed by another after so long; a process that cannot renew for so long stops. */
const claimTtlMs = 5_000;
const renewEveryMs = claimTtlMs / 4;
/** Endpoints that another process added or changed, and claims that are free, are noticed so late. */
const lookEveryMs = 400;
/** A drain gives up requests that are under way for so long; another process sends them again. */
const drainMsMax = 5_000;
/** After a failure of our own store. */
const retryMs = 1_000;

export class EventSender {
  readonly #deps: EventSenderDeps;
  #running: Sending | undefined;

  constructor(deps: EventSenderDeps) {
    this.#deps = deps;
  }

  /** This process records: of several, one. */
  get isRecording(): boolean {
    return this.#running?.isRecording === true;
  }

  /** Resolves when it has what is free. Again: nothing changes. */
  async start(events: EventLog): Promise<void> {
    if (this.#running) return;
    this.#running = new Sending(events, this.#deps);
    await this.#running.start();
  }

  /** As `stop`, after what is under way is done: others repeat nothing of it. */
  async drain(): Promise<void> {
    await this.#running?.drain();
    await this.stop();
  }

  /** Gives up what is under way; others may go on at once. */
  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }
}

/** From a start to a stop. */
class Sending {
  readonly #events: EventLog;
  readonly #view: EventView;
  readonly #deps: EventSenderDeps;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  /** This one and the next are by their job. */
  readonly #deliveries = new Map<string, EndpointDeliveries>();
  readonly #claims = new Map<string, Claim>();
  /** Claimed jobs that are released when nothing of them is under way. */
  readonly #leaving = new Set<string>();
  /** Claimed by this process alone, and no job for others. */
  readonly #ownJob: string;
  /** Ends the pause before the next look. */
  #wake = new AbortController();
  #renewedAtMs = 0;
  #looping: Promise<void> = Promise.resolve();
  #stopHearing: (() => void) | undefined;
  #isFailing = false;
  readonly #drained = Promise.withResolvers<void>();
  #isDraining = false;

  constructor(events: EventLog, deps: EventSenderDeps) {
    this.#events = events;
    this.#view = new EventView(events, deps.timeline);
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#ownJob = workerJob(deps.worker);
  }

  get isRecording(): boolean {
    return this.#claims.has(recordJob);
  }

  async start(): Promise<void> {
    this.#stopHearing = this.#events.onEndpointChanged((endpointId) => {
      this.#deliveries.get(sendJob(endpointId))?.abort();
      this.#wake.abort();
    });
    const looked = this.#tryLook();
    // A stop meanwhile waits for it: what the first look claims is then ended too.
    this.#looping = looked.then(() => this.#loop());
    await looked;
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#wake.abort();
    const inTime = new AbortController();
    await Promise.race([this.#drained.promise, sleep(this.#clock, { delayMs: drainMsMax, signal: inTime.signal })]);
    inTime.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopHearing?.();
    this.#wake.abort();
    await this.#looping;
    for (const deliveries of this.#deliveries.values()) deliveries.beginNoMore();
    const claims = [...this.#claims.values()];
    await this.#endAll();
    await this.#events
      .release(claims)
      .catch((error: unknown) => this.#deps.log.warn('failed to release claims: they expire', { error }));
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await sleep(this.#clock, { delayMs: lookEveryMs, signal: this.#wake.signal });
      this.#wake = new AbortController();
      if (!this.#stopping.signal.aborted) await this.#tryLook();
    }
  }

  async #tryLook(): Promise<void> {
    try {
      await this.#look();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#deps.log.error('failed to read the claims on endpoints, retrying', { error });
      this.#isFailing = true;
      this.#drainedIf(this.#isDraining);
      const heldUntilMs = this.#renewedAtMs + claimTtlMs;
      if (this.#claims.size > 0 && this.#clock.monotonicMs() > heldUntilMs) await this.#endAll();
    }
  }

  async #look(): Promise<void> {
    await this.#renew();
    const endpoints = await this.#events.endpoints();
    const jobs = new Set(endpoints.filter(({ isEnabled }) => isEnabled).map(({ id }) => sendJob(id)));
    const isRecorded = endpoints.length > 0 || this.#deps.isPulled;
    if (isRecorded) jobs.add(recordJob);
    for (const job of this.#heldJobs) if (!jobs.has(job)) await this.#giveUp(job);
    // Nothing is recorded for nobody, whoever began it: those who report would go on.
    if (!isRecorded && (await this.#events.isRecording())) await this.#events.endRecording();
    await this.#share(jobs);
    for (const job of this.#leaving) if (this.#deliveries.get(job)?.isIdle !== false) await this.#giveUp(job);
    this.#drainedIf(this.#isDraining && this.#claims.size === 0);
  }

  /** Keeps or claims as many jobs as are this process's share, and hands over what is beyond it: others lack that many. */
  async #share(jobs: ReadonlySet<string>): Promise<void> {
    if (this.#isDraining) {
      for (const job of this.#heldJobs) this.#handOver(job);
      return this.#giveUp(this.#ownJob);
    }
    if (!this.#claims.has(this.#ownJob)) await this.#claim([this.#ownJob], 1);
    const workers = await this.#events.workers();
    const rank = workers.indexOf(this.#deps.worker);
    // Its own claim has ended meanwhile, and the others with it: the next look finds that.
    if (rank < 0) return;
    const share = shareOf({ jobs: jobs.size, workers: workers.length, rank });
    const kept = this.#heldJobs.filter((job) => !this.#leaving.has(job));
    // Recording counts, and stays where it is: whoever takes it has to find out anew who is online.
    const movable = kept.filter((job) => job !== recordJob).toReversed();
    for (const job of movable.slice(0, Math.max(0, kept.length - share))) this.#handOver(job);
    const lacking = [...jobs].filter((job) => !this.#claims.has(job));
    await this.#begin(await this.#claim(lacking, share - kept.length));
  }

  get #heldJobs(): readonly string[] {
    return [...this.#claims.keys()].filter((job) => job !== this.#ownJob);
  }

  #drainedIf(isDrained: boolean): void {
    if (isDrained) this.#drained.resolve();
  }

  async #claim(jobs: readonly string[], limit: number): Promise<readonly Claim[]> {
    if (jobs.length === 0 || limit < 1) return [];
    const beganAtMs = this.#clock.monotonicMs();
    const claims = await this.#events.claim({ jobs, limit, ttlMs: claimTtlMs });
    if (this.#claims.size === 0) this.#renewedAtMs = beganAtMs;
    for (const claim of claims) this.#claims.set(claim.job, claim);
    return claims;
  }

  /** Goes on until what is under way is done, and then others may claim it. */
  #handOver(job: string): void {
    if (this.#leaving.has(job)) return;
    this.#leaving.add(job);
    void this.#deliveries
      .get(job)
      ?.finish()
      .then(() => this.#wake.abort());
  }

  /** All that are held, in one step; what was lost, or ended by a change, is ended here too. */
  async #renew(): Promise<void> {
    const isDue = this.#clock.monotonicMs() - this.#renewedAtMs >= renewEveryMs;
    if (this.#claims.size === 0) return;
    const beganAtMs = this.#clock.monotonicMs();
    const claims = [...this.#claims.values()];
    const held = isDue ? await this.#events.renew(claims, claimTtlMs) : await this.#events.held(claims);
    if (isDue) this.#renewedAtMs = beganAtMs;
    const isHeld = new Set(held.map(({ job }) => job));
    for (const { job } of claims) if (!isHeld.has(job)) await this.#end(job);
  }

  /** As whoever had the claims before left the endpoints. What cannot begin is released: nothing is held without being done. */
  async #begin(claims: readonly Claim[]): Promise<void> {
    if (claims.length === 0) return;
    try {
      const endpoints = await this.#events.endpoints();
      for (const claim of claims) {
        if (claim.job === recordJob) await this.#deps.recorder.start(this.#events);
        else await this.#send(endpoints, claim);
      }
    } catch (error) {
      await Promise.all(claims.map(({ job }) => this.#end(job)));
      await this.#events.release(claims);
      throw error;
    }
  }

  async #send(endpoints: readonly Endpoint[], claim: Claim): Promise<void> {
    const endpoint = endpoints.find(({ id, isEnabled }) => isEnabled && sendJob(id) === claim.job);
    if (!endpoint) return this.#giveUp(claim.job);
    const deliveries = new EndpointDeliveries(endpoint, {
      ...{ ...this.#deps, events: this.#events, view: this.#view, claim },
      onClaimLost: () => this.#wake.abort(),
      onGone: (reason) => void this.#disable(endpoint.id, reason),
    });
    this.#deliveries.set(claim.job, deliveries);
    this.#deps.log.info('started sending to a webhook endpoint', { endpoint: endpoint.id });
    await deliveries.start();
  }

  /** Others may claim it. */
  async #giveUp(job: string): Promise<void> {
    const claim = this.#claims.get(job);
    await this.#end(job);
    if (claim) await this.#events.release([claim]);
  }

  async #end(job: string): Promise<void> {
    this.#claims.delete(job);
    this.#leaving.delete(job);
    if (job === recordJob) return this.#deps.recorder.stop();
    const deliveries = this.#deliveries.get(job);
    this.#deliveries.delete(job);
    await deliveries?.stop();
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#claims.keys()].map((job) => this.#end(job)));
  }

  /** The receiver wants no more, and gets no more while the log cannot take that. What came of the last attempts is noted first. */
  async #disable(endpointId: string, disabledReason: string): Promise<void> {
    const { log } = this.#deps;
    const job = sendJob(endpointId);
    const claim = this.#claims.get(job);
    if (!claim) return;
    while (this.#claims.get(job) === claim && !this.#stopping.signal.aborted) {
      try {
        await this.#deliveries.get(job)?.stop();
        // One that was changed meanwhile is not what the receiver answered to.
        if ((await this.#events.held([claim])).length === 0) return;
        await this.#events.changeEndpoint(endpointId, { isEnabled: false, disabledReason });
        return log.warn('webhook endpoint disabled', { endpoint: endpointId, reason: disabledReason });
      } catch (error) {
        log.error('failed to disable a webhook endpoint, retrying', { endpoint: endpointId, error });
        await sleep(this.#clock, { delayMs: retryMs, signal: this.#stopping.signal });
      }
    }
  }
}
