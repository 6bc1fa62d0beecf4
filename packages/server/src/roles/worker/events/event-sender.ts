// Records what happens and sends it to the endpoints, as far as this process has the claims: of several processes one does each of it,
// and when it dies another goes on [W4].

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type Claim, recordJob, sendJob } from '../../../ports/event-log/claims.ts';
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
}

/** What a process that died had is claimed by another after so long; a process that cannot renew for so long stops. */
const claimTtlMs = 5_000;
const renewEveryMs = claimTtlMs / 4;
/** Endpoints that another process added or changed, and claims that are free, are noticed so late. */
const lookEveryMs = 400;

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

  /** Others may go on at once. */
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
  readonly #deliveries = new Map<string, EndpointDeliveries>();
  /** By their job. */
  readonly #claims = new Map<string, Claim>();
  /** Ends the pause before the next look. */
  #wake = new AbortController();
  #renewedAtMs = 0;
  #looping: Promise<void> = Promise.resolve();
  #stopHearing: (() => void) | undefined;
  #isFailing = false;

  constructor(events: EventLog, deps: EventSenderDeps) {
    this.#events = events;
    this.#view = new EventView(events, deps.timeline);
    this.#deps = deps;
    this.#clock = deps.clock;
  }

  get isRecording(): boolean {
    return this.#claims.has(recordJob);
  }

  async start(): Promise<void> {
    this.#stopHearing = this.#events.onEndpointChanged((endpointId) => {
      this.#deliveries.get(endpointId)?.abort();
      this.#wake.abort();
    });
    await this.#tryLook();
    this.#looping = this.#loop();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopHearing?.();
    this.#wake.abort();
    await this.#looping;
    const claims = [...this.#claims.values()];
    await this.#endAll();
    await this.#events
      .release(claims)
      .catch((error: unknown) => this.#deps.log.warn('claims not released: they end by themselves', { error }));
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
      if (!this.#isFailing) this.#deps.log.error('who sends events is not known; trying again', { error });
      this.#isFailing = true;
      const heldUntilMs = this.#renewedAtMs + claimTtlMs;
      if (this.#claims.size > 0 && this.#clock.monotonicMs() > heldUntilMs) await this.#endAll();
    }
  }

  async #look(): Promise<void> {
    await this.#renew();
    const endpoints = await this.#events.endpoints();
    const wanted = new Set(endpoints.filter(({ isEnabled }) => isEnabled).map(({ id }) => sendJob(id)));
    const isRecorded = endpoints.length > 0 || this.#deps.isPulled;
    if (isRecorded) wanted.add(recordJob);
    for (const job of [...this.#claims.keys()]) if (!wanted.has(job)) await this.#giveUp(job);
    // Nothing is recorded for nobody, whoever began it: those who report would go on.
    if (!isRecorded && (await this.#events.isRecording())) await this.#events.endRecording();
    const lacking = [...wanted].filter((job) => !this.#claims.has(job));
    if (lacking.length === 0) return;
    const beganAtMs = this.#clock.monotonicMs();
    const claims = await this.#events.claim({ jobs: lacking, ttlMs: claimTtlMs });
    if (claims.length === 0) return;
    if (this.#claims.size === 0) this.#renewedAtMs = beganAtMs;
    for (const claim of claims) this.#claims.set(claim.job, claim);
    // As whoever had the claims before left them.
    await this.#begin(claims, await this.#events.endpoints());
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

  async #begin(claims: readonly Claim[], endpoints: readonly Endpoint[]): Promise<void> {
    for (const claim of claims) {
      if (claim.job === recordJob) {
        await this.#deps.recorder.start(this.#events);
        continue;
      }
      const endpoint = endpoints.find(({ id, isEnabled }) => isEnabled && sendJob(id) === claim.job);
      if (endpoint) await this.#send(endpoint, claim);
      else await this.#giveUp(claim.job);
    }
  }

  async #send(endpoint: Endpoint, claim: Claim): Promise<void> {
    const deliveries = new EndpointDeliveries(endpoint, {
      ...{ ...this.#deps, events: this.#events, view: this.#view, claim },
      onClaimLost: () => this.#wake.abort(),
      onGone: (reason) => void this.#disable(endpoint.id, reason),
    });
    this.#deliveries.set(endpoint.id, deliveries);
    this.#deps.log.info('sending to a webhook endpoint begins', { endpoint: endpoint.id });
    await deliveries.start();
  }

  /** Nobody wants it any more. */
  async #giveUp(job: string): Promise<void> {
    const claim = this.#claims.get(job);
    await this.#end(job);
    if (claim) await this.#events.release([claim]);
  }

  async #end(job: string): Promise<void> {
    this.#claims.delete(job);
    if (job === recordJob) return this.#deps.recorder.stop();
    for (const [endpointId, deliveries] of this.#deliveries)
      if (sendJob(endpointId) === job) {
        this.#deliveries.delete(endpointId);
        await deliveries.stop();
      }
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#claims.keys()].map((job) => this.#end(job)));
  }

  /** The receiver wants no more. What came of the last attempts is noted first. */
  async #disable(endpointId: string, disabledReason: string): Promise<void> {
    const { log } = this.#deps;
    log.warn('webhook endpoint disabled', { endpoint: endpointId, reason: disabledReason });
    const claim = this.#claims.get(sendJob(endpointId));
    try {
      await this.#deliveries.get(endpointId)?.stop();
      // One that was changed meanwhile is not what the receiver answered to.
      if (!claim || (await this.#events.held([claim])).length === 0) return;
      await this.#events.changeEndpoint(endpointId, { isEnabled: false, disabledReason });
    } catch (error) {
      log.error('webhook endpoint not disabled', { endpoint: endpointId, error });
    }
  }
}
