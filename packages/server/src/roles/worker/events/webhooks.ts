// Webhooks of a server: what operators and the application's back end do with endpoints. Who sends for them sees it in the log.

import { sleep } from '@hongyan/base/clock';
import { done, ok } from '@hongyan/base/result';
import type { WireEvent } from '@hongyan/protocol/events';
import { onceStored, type Result, refusal } from '@hongyan/protocol/refusals';
import { eventIdOf } from '../../../domain/event-id.ts';
import { formatSecret, parseSecret, secretBytes } from '../../../domain/webhook-signature.ts';
import type { EventLog } from '../../../ports/event-log/event-log.ts';
import type {
  EndpointView,
  NewEndpoint,
  TestDelivery,
  WebhookAdministration,
} from '../../../ports/event-log/webhook-administration.ts';
import type { Attempt, DeadLetter, Endpoint, EndpointChange } from '../../../ports/event-log/webhooks.ts';
import { formatPosition, parsePosition } from '../../../ports/timeline/position.ts';
import type { TimelineReads } from '../../../ports/timeline/timeline.ts';
import { type DeliveryDeps, deliver } from './delivery.ts';
import { beginRecording } from './recorder.ts';

export interface WebhooksDeps extends DeliveryDeps {
  /** Opens the event log, or returns the one that is open. */
  readonly openLog: () => Promise<EventLog>;
  readonly timeline: Pick<TimelineReads, 'position'>;
  readonly newKey: (bytes: number) => Uint8Array;
  /** Events are recorded though no endpoint wants them: somebody pulls. */
  readonly isPulled: boolean;
  /** Other processes that report events know by then that there is somebody who wants them. */
  readonly noticedWithinMs: number;
}

/** Further endpoints are refused: each reads the log for itself. */
const endpointsMax = 100;

export class Webhooks implements WebhookAdministration {
  readonly #deps: WebhooksDeps;
  #events: EventLog | undefined;
  /** Of this process: endpoints are added one after the other. */
  #adding: Promise<unknown> = Promise.resolve();

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
  }

  /** For a server whose log is there, or whose events are pulled. Others begin with their first endpoint. */
  async start(): Promise<void> {
    const events = await this.#open();
    if (this.#deps.isPulled) await beginRecording(events, this.#deps.timeline);
  }

  async list(): Promise<readonly EndpointView[]> {
    const events = this.#events;
    if (!events) return [];
    const { end } = await events.ends();
    return Promise.all((await events.endpoints()).map((endpoint) => viewOf(events, endpoint, end)));
  }

  async get(endpointId: string): Promise<Result<EndpointView>> {
    const found = (await this.list()).find(({ endpoint }) => endpoint.id === endpointId);
    return found ? ok(found) : noSuch(endpointId);
  }

  /** What happens from now on is delivered. Its secret is in the answer, and in no later one. */
  add(endpoint: NewEndpoint): Promise<Result<Endpoint>> {
    const added = this.#adding.then(() => this.#add(endpoint));
    this.#adding = added.catch(() => undefined);
    return added;
  }

  async #add({ url, types, secret }: NewEndpoint): Promise<Result<Endpoint>> {
    const wrong = this.#wrongUrl(url) ?? wrongSecret(secret);
    if (wrong) return wrong;
    const events = await this.#open();
    const { clock, newKey, timeline, isPulled, noticedWithinMs } = this.#deps;
    const known = await events.endpoints();
    if (known.length >= endpointsMax) return refusal.tooMany('webhook endpoints', endpointsMax);
    // What was recorded for endpoints that are gone is not of this one.
    if (known.length === 0 && !isPulled) await events.endRecording();
    const isFirst = !(await events.isRecording());
    await beginRecording(events, timeline);
    const endpoint: Endpoint = {
      id: `wh_${Buffer.from(newKey(9)).toString('base64url')}`,
      ...{ url, types: [...new Set(types)] },
      secret: secret ?? formatSecret(newKey(secretBytes)),
      ...{ isEnabled: true, disabledReason: '', createdAtMs: clock.nowMs() },
      progress: { cursor: (await events.ends()).end, failures: 0, failingSinceMs: 0, pausedUntilMs: 0 },
    };
    await events.addEndpoint(endpoint);
    // Another process may have ended the recording between the two, since there was no endpoint.
    const added = await onceStored(beginRecording(events, timeline).then(() => ok(endpoint)));
    if (isFirst && noticedWithinMs > 0) await sleep(clock, { delayMs: noticedWithinMs });
    return added;
  }

  /** URL, types, on and off. One that was switched off, or had given up, goes on where it was. */
  change(endpointId: string, change: Pick<EndpointChange, 'url' | 'types' | 'isEnabled'>): Promise<Result<undefined>> {
    const wrong = change.url === undefined ? undefined : this.#wrongUrl(change.url);
    if (wrong) return Promise.resolve(wrong);
    const reason = change.isEnabled === undefined ? {} : { disabledReason: change.isEnabled ? '' : 'switched off' };
    return this.#changed(endpointId, (events) => events.changeEndpoint(endpointId, { ...change, ...reason }));
  }

  /** A new secret; the old one signs beside it for `overlapMs`. */
  async rotate(
    endpointId: string,
    { overlapMs, secret }: { readonly overlapMs: number; readonly secret?: string | undefined },
  ): Promise<Result<{ readonly secret: string }>> {
    const wrong = wrongSecret(secret);
    if (wrong) return wrong;
    const found = await this.get(endpointId);
    if (found.type !== 'ok') return found;
    const fresh = secret ?? formatSecret(this.#deps.newKey(secretBytes));
    const untilMs = this.#deps.clock.nowMs() + overlapMs;
    const oldSecret = { secret: found.value.endpoint.secret, untilMs };
    const changed = await this.#changed(endpointId, (events) =>
      events.changeEndpoint(endpointId, { secret: fresh, oldSecret }),
    );
    return changed.type === 'ok' ? ok({ secret: fresh }) : changed;
  }

  remove(endpointId: string): Promise<Result<undefined>> {
    return this.#changed(endpointId, (events) => events.removeEndpoint(endpointId));
  }

  /** [W9] Everything after `after` once more; without it, everything that is kept. */
  async replay(endpointId: string, after: string | undefined): Promise<Result<undefined>> {
    const events = this.#events;
    if (!events) return noSuch(endpointId);
    const { removedThrough, end } = await events.ends();
    const position = after === undefined ? removedThrough : parsePosition(events.epoch, after);
    if (position === undefined || position > end) return refusal.foreignPosition();
    return this.#changed(endpointId, () => events.replay(endpointId, position));
  }

  /** [W9] Dead letters once more, with all their attempts: all, or the one at `position`. */
  async replayDead(endpointId: string, at: string | undefined): Promise<Result<{ readonly replayed: number }>> {
    const events = this.#events;
    if (!events) return noSuch(endpointId);
    const position = at === undefined ? undefined : parsePosition(events.epoch, at);
    if (at !== undefined && position === undefined) return refusal.foreignPosition();
    let replayed = 0;
    const changed = await this.#changed(endpointId, async () => {
      if (!(await events.endpoints()).some(({ id }) => id === endpointId)) return false;
      replayed = await events.replayDead({ endpointId, position, nowMs: this.#deps.clock.nowMs() });
      return true;
    });
    return changed.type === 'ok' ? ok({ replayed }) : changed;
  }

  /** One event of type webhook.test, sent now and not again. */
  async test(endpointId: string): Promise<Result<TestDelivery>> {
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
    return found.type === 'ok' && this.#events
      ? ok(await this.#events.attempts(endpointId, limit))
      : noSuch(endpointId);
  }

  async deadLetters(endpointId: string, limit: number): Promise<Result<readonly DeadLetter[]>> {
    const found = await this.get(endpointId);
    return found.type === 'ok' && this.#events
      ? ok(await this.#events.deadLetters(endpointId, limit))
      : noSuch(endpointId);
  }

  /** As receivers and pulling readers know it. */
  positionText(position: number): string {
    return formatPosition(this.#events?.epoch ?? '', position);
  }

  async #open(): Promise<EventLog> {
    this.#events ??= await this.#deps.openLog();
    return this.#events;
  }

  async #changed(endpointId: string, change: (events: EventLog) => Promise<boolean>): Promise<Result<undefined>> {
    return this.#events && (await change(this.#events)) ? done : noSuch(endpointId);
  }

  #wrongUrl(url: string): Result<never> | undefined {
    const reason = this.#deps.outbound.refusalOf(url);
    return reason === undefined ? undefined : refusal.badWebhookUrl(reason);
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
