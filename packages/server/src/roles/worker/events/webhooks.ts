// Webhooks of a server: what operators and the application's back end do with endpoints, and the deliveries that run for each.

import type { Log } from '@hongyan/base/log';
import { done, ok } from '@hongyan/base/result';
import type { WireEvent } from '@hongyan/protocol/events';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { eventIdOf } from '../../../domain/event-id.ts';
import { formatSecret, parseSecret, secretBytes } from '../../../domain/webhook-signature.ts';
import type { EventLog } from '../../../ports/event-log/event-log.ts';
import { EventView } from '../../../ports/event-log/event-view.ts';
import type {
  EndpointView,
  NewEndpoint,
  Tested,
  WebhookAdministration,
} from '../../../ports/event-log/webhook-administration.ts';
import type { Attempt, DeadLetter, Endpoint, EndpointChange } from '../../../ports/event-log/webhooks.ts';
import { formatPosition, parsePosition } from '../../../ports/timeline/position.ts';
import type { TimelineReads } from '../../../ports/timeline/timeline.ts';
import { deliver, type Outcome } from './delivery.ts';
import { EndpointDeliveries, type EndpointDeps } from './endpoint-deliveries.ts';
import type { EventRecorder } from './recorder.ts';

export interface WebhooksDeps extends Omit<EndpointDeps, 'events' | 'view' | 'onGone' | 'onAttempt' | 'log'> {
  readonly log: Log;
  /** Opens the event log, or returns the one that is open. */
  readonly openLog: () => Promise<EventLog>;
  readonly timeline: Pick<TimelineReads, 'messagesAt' | 'range'>;
  readonly recorder: EventRecorder;
  readonly newKey: (bytes: number) => Uint8Array;
  readonly onAttempt: (outcome: Outcome['type'] | 'dead') => void;
  /** Events are recorded though no endpoint wants them: somebody pulls. */
  readonly isPulled: boolean;
}

/** Further endpoints are refused: each reads the log for itself. */
const endpointsMax = 100;

export class Webhooks implements WebhookAdministration {
  readonly #deps: WebhooksDeps;
  readonly #running = new Map<string, EndpointDeliveries>();
  #opened: { readonly events: EventLog; readonly view: EventView } | undefined;
  /** Changes take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
  }

  /** For a server whose log is there, or whose events are pulled. Others begin with their first endpoint. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      const { events } = await this.#open();
      const endpoints = await events.endpoints();
      if (endpoints.length === 0 && !this.#deps.isPulled) return;
      await this.#deps.recorder.start(events);
      for (const endpoint of endpoints) await this.#begin(endpoint.id);
    });
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      this.#isStopped = true;
      await Promise.all([...this.#running.values()].map((deliveries) => deliveries.stop()));
      this.#running.clear();
      await this.#deps.recorder.stop();
    });
  }

  async list(): Promise<readonly EndpointView[]> {
    if (!this.#opened) return [];
    const { events } = this.#opened;
    const { end } = await events.ends();
    return Promise.all((await events.endpoints()).map((endpoint) => viewOf(events, endpoint, end)));
  }

  async get(endpointId: string): Promise<Result<EndpointView>> {
    const found = (await this.list()).find(({ endpoint }) => endpoint.id === endpointId);
    return found ? ok(found) : noSuch(endpointId);
  }

  /** What happens from now on is delivered. Its secret is in the answer, and in no later one. */
  add({ url, types, secret }: NewEndpoint): Promise<Result<Endpoint>> {
    return this.#inTurn(async () => {
      const wrong = this.#wrongUrl(url) ?? wrongSecret(secret);
      if (wrong) return wrong;
      const { events } = await this.#open();
      const known = await events.endpoints();
      if (known.length >= endpointsMax) return refusal.tooMany('webhook endpoints', endpointsMax);
      await this.#deps.recorder.start(events);
      const { clock, newKey } = this.#deps;
      const endpoint: Endpoint = {
        id: `wh_${Buffer.from(newKey(9)).toString('base64url')}`,
        ...{ url, types: [...new Set(types)] },
        secret: secret ?? formatSecret(newKey(secretBytes)),
        ...{ isEnabled: true, disabledReason: '', createdAtMs: clock.nowMs() },
        progress: { cursor: (await events.ends()).end, failures: 0, failingSinceMs: 0 },
      };
      await events.addEndpoint(endpoint);
      await this.#begin(endpoint.id);
      return ok(endpoint);
    });
  }

  /** URL, types, on and off. One that was switched off, or had given up, goes on where it was. */
  change(endpointId: string, change: Pick<EndpointChange, 'url' | 'types' | 'isEnabled'>): Promise<Result<undefined>> {
    const wrong = change.url === undefined ? undefined : this.#wrongUrl(change.url);
    if (wrong) return Promise.resolve(wrong);
    const reason = change.isEnabled === undefined ? {} : { disabledReason: change.isEnabled ? '' : 'switched off' };
    return this.#changed(endpointId, (events) => events.changeEndpoint(endpointId, { ...change, ...reason }));
  }

  /** A new secret; the old one signs beside it for `overlapMs`. */
  rotate(
    endpointId: string,
    { overlapMs, secret }: { readonly overlapMs: number; readonly secret?: string | undefined },
  ): Promise<Result<{ readonly secret: string }>> {
    return this.#inTurn(async () => {
      const wrong = wrongSecret(secret);
      if (wrong) return wrong;
      const found = await this.get(endpointId);
      if (found.type !== 'ok' || !this.#opened) return noSuch(endpointId);
      const fresh = secret ?? formatSecret(this.#deps.newKey(secretBytes));
      const untilMs = this.#deps.clock.nowMs() + overlapMs;
      const oldSecret = { secret: found.value.endpoint.secret, untilMs };
      await this.#end(endpointId);
      await this.#opened.events.changeEndpoint(endpointId, { secret: fresh, oldSecret });
      await this.#begin(endpointId);
      return ok({ secret: fresh });
    });
  }

  async remove(endpointId: string): Promise<Result<undefined>> {
    const removed = await this.#changed(endpointId, (events) => events.removeEndpoint(endpointId));
    if (removed.type === 'ok') await this.#inTurn(() => this.#forgetIfUnwanted());
    return removed;
  }

  /** [W9] Everything after `after` once more; without it, everything that is kept. */
  async replay(endpointId: string, after: string | undefined): Promise<Result<undefined>> {
    const opened = this.#opened;
    if (!opened) return noSuch(endpointId);
    const { removedThrough, end } = await opened.events.ends();
    const position = after === undefined ? removedThrough : parsePosition(opened.events.epoch, after);
    if (position === undefined || position > end) return refusal.foreignPosition();
    return this.#changed(endpointId, (events) => events.replay(endpointId, position));
  }

  /** [W9] Dead letters once more, with all their attempts: all, or the one at `position`. */
  async replayDead(endpointId: string, at: string | undefined): Promise<Result<{ readonly replayed: number }>> {
    const opened = this.#opened;
    if (!opened) return noSuch(endpointId);
    const position = at === undefined ? undefined : parsePosition(opened.events.epoch, at);
    if (at !== undefined && position === undefined) return refusal.foreignPosition();
    let replayed = 0;
    const changed = await this.#changed(endpointId, async (events) => {
      if (!(await events.endpoints()).some(({ id }) => id === endpointId)) return false;
      replayed = await events.replayDead({ endpointId, position, nowMs: this.#deps.clock.nowMs() });
      return true;
    });
    return changed.type === 'ok' ? ok({ replayed }) : changed;
  }

  /** One event of type webhook.test, sent now and not again. */
  async test(endpointId: string): Promise<Result<Tested>> {
    const found = await this.get(endpointId);
    if (found.type !== 'ok') return found;
    const { clock } = this.#deps;
    const [nowMs, beganMs] = [clock.nowMs(), clock.monotonicMs()];
    const event: WireEvent = {
      type: 'webhook.test',
      id: eventIdOf('webhook.test', endpointId, nowMs),
      timestamp: new Date(nowMs).toISOString(),
      position: '',
      data: { endpoint_id: endpointId, timestamp: nowMs },
    };
    const outcome = await deliver(event, found.value.endpoint, this.#deps);
    return ok({ ...outcome, durationMs: Math.round(clock.monotonicMs() - beganMs) });
  }

  async attempts(endpointId: string, limit: number): Promise<Result<readonly Attempt[]>> {
    const found = await this.get(endpointId);
    return found.type === 'ok' && this.#opened
      ? ok(await this.#opened.events.attempts(endpointId, limit))
      : noSuch(endpointId);
  }

  async deadLetters(endpointId: string, limit: number): Promise<Result<readonly DeadLetter[]>> {
    const found = await this.get(endpointId);
    return found.type === 'ok' && this.#opened
      ? ok(await this.#opened.events.deadLetters(endpointId, limit))
      : noSuch(endpointId);
  }

  /** As receivers and pulling readers know it. */
  positionText(position: number): string {
    return formatPosition(this.#opened?.events.epoch ?? '', position);
  }

  async #open(): Promise<{ readonly events: EventLog; readonly view: EventView }> {
    if (!this.#opened) {
      const events = await this.#deps.openLog();
      this.#opened = { events, view: new EventView(events, this.#deps.timeline) };
    }
    return this.#opened;
  }

  /** With the endpoint's deliveries stopped, so that they begin again with what was changed. */
  #changed(endpointId: string, change: (events: EventLog) => Promise<boolean>): Promise<Result<undefined>> {
    return this.#inTurn(async () => {
      if (!this.#opened) return noSuch(endpointId);
      await this.#end(endpointId);
      const isKnown = await change(this.#opened.events);
      await this.#begin(endpointId);
      return isKnown ? done : noSuch(endpointId);
    });
  }

  async #begin(endpointId: string): Promise<void> {
    if (!this.#opened || this.#isStopped) return;
    const { events, view } = this.#opened;
    const endpoint = (await events.endpoints()).find(({ id }) => id === endpointId);
    if (!endpoint?.isEnabled) return;
    const onGone = (reason: string) => void this.#disable(endpointId, reason);
    const deliveries = new EndpointDeliveries(endpoint, { ...this.#deps, events, view, onGone });
    this.#running.set(endpointId, deliveries);
    await deliveries.start();
  }

  async #end(endpointId: string): Promise<void> {
    const deliveries = this.#running.get(endpointId);
    this.#running.delete(endpointId);
    await deliveries?.stop();
  }

  async #disable(endpointId: string, reason: string): Promise<void> {
    this.#deps.log.warn('webhook endpoint disabled', { endpoint: endpointId, reason });
    const disabledReason = reason;
    await this.#changed(endpointId, (events) =>
      events.changeEndpoint(endpointId, { isEnabled: false, disabledReason }),
    ).catch((error: unknown) => this.#deps.log.error('webhook endpoint not disabled', { endpoint: endpointId, error }));
  }

  /** Nothing is recorded for nobody. */
  async #forgetIfUnwanted(): Promise<void> {
    if (!this.#opened || this.#deps.isPulled || (await this.#opened.events.endpoints()).length > 0) return;
    await this.#deps.recorder.stop();
    await this.#opened.events.forgetFeedPosition();
  }

  #wrongUrl(url: string): Result<never> | undefined {
    const reason = this.#deps.outbound.refusalOf(url);
    return reason === undefined ? undefined : refusal.badWebhookUrl(reason);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

async function viewOf(events: EventLog, endpoint: Endpoint, end: number): Promise<EndpointView> {
  const { parked, dead } = await events.counts(endpoint.id);
  return { endpoint, behind: Math.max(0, end - endpoint.progress.cursor), parked, dead };
}

const noSuch = (endpointId: string) => refusal.noSuch(`webhook endpoint ${endpointId}`);

function wrongSecret(secret: string | undefined): Result<never> | undefined {
  return secret === undefined || parseSecret(secret) ? undefined : refusal.badWebhookSecret();
}
