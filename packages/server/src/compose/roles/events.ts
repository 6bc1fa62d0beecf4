// Events out, on the event log that the profile chose: recorder, sender and administration.

import { systemRandom } from '@hongyan/base/random';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { Config } from '../../config/options.ts';
import { CountBy } from '../../metrics/count-by.ts';
import type { Metrics, Sample } from '../../metrics/metrics.ts';
import type { Directory } from '../../ports/directory/directory.ts';
import type { EventLog } from '../../ports/event-log/event-log.ts';
import type { EventOutlet } from '../../ports/event-log/event-outlet.ts';
import { EventReader } from '../../ports/event-log/event-reader.ts';
import { LogOutlet, outletLookEveryMs } from '../../ports/event-log/log-outlet.ts';
import type { EndpointView, WebhookAdministration } from '../../ports/event-log/webhook-administration.ts';
import { GuardedOutbound } from '../../ports/outbound/guarded-outbound.ts';
import type { SessionRegistry } from '../../ports/session-registry/session-registry.ts';
import type { Feed } from '../../ports/timeline/feed.ts';
import { registerFeedLag } from '../../ports/timeline/feed-lag.ts';
import type { TimelineReads } from '../../ports/timeline/timeline.ts';
import type { DeliveryRules } from '../../roles/worker/events/endpoint-deliveries.ts';
import { EventSender, type EventSenderDeps } from '../../roles/worker/events/event-sender.ts';
import { EventRecorder } from '../../roles/worker/events/recorder.ts';
import { Webhooks } from '../../roles/worker/events/webhooks.ts';
import type { Surroundings } from '../surroundings.ts';
import { version } from '../version.ts';

export interface OpenEvents {
  readonly outlet: EventOutlet;
  readonly webhooks: WebhookAdministration;
  /** Absent unless events are pulled. */
  readonly reader: EventReader | undefined;
  /** Stops recording and sending after the deliveries in flight. The outlet still accepts reports. */
  drain(): Promise<void>;
  /** Call it after everything that reports to the outlet has stopped. Undelivered events are sent after the next start. */
  close(): Promise<void>;
}

export interface EventSources {
  readonly timeline: TimelineReads & { readonly feed: Feed };
  readonly directory: Pick<Directory, 'getConversations'>;
  readonly registry: Pick<SessionRegistry, 'online'>;
}

export interface EventStore {
  readonly open: () => Promise<EventLog>;
  /** The log exists or is shared: it is opened at once. Otherwise it is opened with the first endpoint. */
  readonly isThere: boolean;
  /** Other processes report to it too. */
  readonly isShared: boolean;
  /** This process records and sends, as claims of endpoints allow. */
  readonly sends: boolean;
}

type WebhookOutcome = Parameters<EventSenderDeps['onAttempt']>[0];

const hourMs = 3_600_000;
/** Bound of queued writes of an event log: batches of positions, settlements, changes of endpoints. */
export const eventWritesMax = 10_000;
export const eventBatchMax = 1_000;

/** Opens no file and starts no thread unless events are pulled or the store exists. */
export async function openEvents(
  config: Config,
  { log, clock, metrics }: Surroundings,
  { timeline, directory, registry }: EventSources,
  store: EventStore,
): Promise<OpenEvents> {
  const run = createUuidV7(() => clock.nowMs())();
  const isPulled = config.eventsPull;
  const outlet = new LogOutlet({ clock, log, run });
  const outgoing = {
    ...{ clock, log, timeline, version, isPulled },
    outbound: new GuardedOutbound({ mayReachPrivate: config.webhookPrivateAddresses }),
    timeoutMs: config.webhookTimeoutMs,
  };
  const recorder = new EventRecorder({
    ...{ feed: timeline.feed, timeline, directory, registry, clock, log, run },
    retention: { keptMs: config.eventsRetentionHours * hourMs, bytesMax: config.eventsBytesMax },
  });
  const onAttempt = store.sends ? countAttempts(metrics) : () => {};
  const sender = new EventSender({
    ...outgoing,
    ...{ recorder, onAttempt, rules: deliveryRules(config), random: systemRandom, worker: run },
  });
  let opened: Promise<EventLog> | undefined;
  /** A failed open is not cached: the next endpoint tries again. */
  const openLog = () => {
    opened ??= beginWith(store, outlet, sender).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const webhooks = new Webhooks({
    ...outgoing,
    ...{ openLog, noticedWithinMs: store.isShared ? outletLookEveryMs * 2 : 0 },
    newKey: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  });
  if (store.sends) {
    registerFeedLag(metrics, { name: 'events', feed: timeline.feed, position: () => recorder.position }, clock);
    registerEndpoints(metrics, async () => (sender.isRecording ? webhooks.list() : []));
  }
  if (isPulled || store.isThere) await webhooks.start();
  const { contentBytesMax } = config;
  return {
    ...{ outlet, webhooks },
    reader: isPulled ? new EventReader(await openLog(), { timeline, clock, contentBytesMax }) : undefined,
    drain: () => sender.drain(),
    async close() {
      // A log that is still opening would start to send once it is open.
      const events = await opened?.catch(() => undefined);
      await sender.stop();
      await outlet.stop();
      await events?.close();
    },
  };
}

/** Closes everything again if it fails. */
async function beginWith(store: EventStore, outlet: LogOutlet, sender: EventSender): Promise<EventLog> {
  const events = await store.open();
  try {
    await outlet.start(events);
    if (store.sends) await sender.start(events);
    return events;
  } catch (error) {
    await sender.stop();
    await outlet.stop();
    await events.close();
    throw error;
  }
}

function countAttempts(metrics: Metrics): EventSenderDeps['onAttempt'] {
  const attempts = new CountBy<WebhookOutcome>('outcome', ['delivered', 'failed', 'gone', 'dead']);
  metrics.counter({
    name: 'hongyan_webhook_attempts_total',
    help: 'Attempts to deliver events to webhooks by outcome; dead: given up',
    read: () => attempts.samples(),
  });
  return (outcome) => attempts.add(outcome);
}

/** Endpoints are few, and operators add them: they may be a label. */
function registerEndpoints(metrics: Metrics, list: () => Promise<readonly EndpointView[]>): void {
  const gauge = (name: string, help: string, measure: (view: EndpointView) => number) =>
    metrics.gauge({
      ...{ name, help },
      read: async () => (await list()).map((view): Sample => [{ endpoint: view.endpoint.id }, measure(view)]),
    });
  gauge('hongyan_webhook_lag_events', 'Events after the place that each endpoint has come to', ({ behind }) => behind);
  gauge('hongyan_webhook_waiting_events', 'Events that wait for another attempt', ({ parked }) => parked);
  gauge('hongyan_webhook_dead_letters', 'Events whose last attempt failed', ({ dead }) => dead);
  gauge('hongyan_webhook_enabled', '1 for endpoints that are sent events', ({ endpoint }) =>
    Number(endpoint.isEnabled),
  );
}

function deliveryRules(config: Config): DeliveryRules {
  return {
    concurrency: config.webhookConcurrency,
    retry: { baseMs: config.webhookRetryMs, attemptsMax: config.webhookAttemptsMax },
    waitingMax: config.webhookWaitingMax,
    giveUpMs: config.webhookGiveUpHours * hourMs,
  };
}
