// Events out on the embedded profile's stores: the event log, what fills it, and what sends it.

import { existsSync } from 'node:fs';
import { systemRandom } from '@hongyan/base/random';
import { dataLayout } from '../config/data-layout.ts';
import type { Config } from '../config/options.ts';
import { CountBy } from '../metrics/count-by.ts';
import type { Metrics, Sample } from '../metrics/metrics.ts';
import { StoreMeter } from '../metrics/store-meter.ts';
import type { Directory } from '../ports/directory/directory.ts';
import type { EventLog } from '../ports/event-log/event-log.ts';
import type { EventOutlet } from '../ports/event-log/event-outlet.ts';
import { EventReader } from '../ports/event-log/event-reader.ts';
import { openSqliteEventLog } from '../ports/event-log/sqlite-event-log.ts';
import type { EndpointView } from '../ports/event-log/webhook-administration.ts';
import { GuardedOutbound } from '../ports/outbound/guarded-outbound.ts';
import { registerFeedLag } from '../ports/timeline/feed-lag.ts';
import type { SqliteTimelineStore } from '../ports/timeline/sqlite-timeline.ts';
import type { DeliveryRules } from '../roles/worker/events/endpoint-deliveries.ts';
import { EventRecorder } from '../roles/worker/events/recorder.ts';
import { Webhooks, type WebhooksDeps } from '../roles/worker/events/webhooks.ts';
import type { Surroundings } from './surroundings.ts';
import { version } from './version.ts';

export interface OpenEvents {
  readonly outlet: EventOutlet;
  readonly webhooks: Webhooks;
  /** Absent unless events are pulled. */
  readonly reader: EventReader | undefined;
  /** After everything that reports to the outlet. What was not delivered is after the next start. */
  close(): Promise<void>;
}

export interface EventSources {
  readonly timeline: SqliteTimelineStore;
  readonly directory: Pick<Directory, 'getConversations'>;
}

type WebhookOutcome = Parameters<WebhooksDeps['onAttempt']>[0];

const hourMs = 3_600_000;
/** Writes that wait: batches of positions, settlements, changes of endpoints. */
const queueMax = 10_000;
const batchMax = 1_000;

/** Nothing is opened, and no thread begins, unless events are pulled or there were webhooks before. */
export async function openEvents(
  config: Config,
  { log, clock, metrics }: Surroundings,
  { timeline, directory }: EventSources,
): Promise<OpenEvents> {
  const path = dataLayout(config.data).events;
  let opened: Promise<EventLog> | undefined;
  const openLog = () => {
    const maxBytes = config.storeBytesMax === 0 ? undefined : config.storeBytesMax;
    opened ??= openSqliteEventLog({
      ...{ path, log, maxBytes, queueMax, batchMax },
      meter: new StoreMeter(metrics, 'events'),
    });
    return opened;
  };
  const recorder = new EventRecorder({
    ...{ feed: timeline.feed, timeline, directory, clock, log },
    run: crypto.randomUUID(),
    retention: { keptMs: config.eventsRetentionHours * hourMs, bytesMax: config.eventsBytesMax },
  });
  registerFeedLag(metrics, { name: 'events', feed: timeline.feed, position: () => recorder.position }, clock);
  const attempts = new CountBy<WebhookOutcome>('outcome', ['delivered', 'failed', 'gone', 'dead']);
  metrics.counter({
    name: 'hongyan_webhook_attempts_total',
    help: 'Attempts to deliver events to webhooks by outcome; dead: given up',
    read: () => attempts.samples(),
  });
  const webhooks = new Webhooks({
    ...{ openLog, timeline, recorder, clock, log, version },
    outbound: new GuardedOutbound({ mayReachPrivate: config.webhookPrivateAddresses }),
    timeoutMs: config.webhookTimeoutMs,
    rules: deliveryRules(config),
    random: systemRandom,
    newKey: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    onAttempt: (outcome) => attempts.add(outcome),
    isPulled: config.eventsPull,
  });
  registerEndpoints(metrics, webhooks);
  if (config.eventsPull || existsSync(path)) await webhooks.start();
  return {
    outlet: recorder,
    webhooks,
    reader: config.eventsPull ? new EventReader(await openLog(), timeline, clock) : undefined,
    async close() {
      await webhooks.stop();
      const events = await opened;
      await events?.close();
    },
  };
}

/** Endpoints are few, and operators add them: they may be a label. */
function registerEndpoints(metrics: Metrics, webhooks: Webhooks): void {
  const gauge = (name: string, help: string, measure: (view: EndpointView) => number) =>
    metrics.gauge({
      ...{ name, help },
      read: async () => (await webhooks.list()).map((view): Sample => [{ endpoint: view.endpoint.id }, measure(view)]),
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
