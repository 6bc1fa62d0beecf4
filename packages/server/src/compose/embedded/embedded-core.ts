// The core of the embedded profile, on the stores of its data folder.

import { existsSync, readdirSync, statSync } from 'node:fs';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { lockFolder } from '../../adapters/sqlite/folder-lock.ts';
import { dataLayout } from '../../config/data-layout.ts';
import { assertStillOwn } from '../../config/moved.ts';
import type { Config } from '../../config/options.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { StoreMeter } from '../../metrics/store-meter.ts';
import type { Access } from '../../ports/access/access.ts';
import { openSqliteAccess } from '../../ports/access/sqlite-access.ts';
import { MemoryCommandLog } from '../../ports/command-log/memory-command-log.ts';
import type { Devices } from '../../ports/devices/devices.ts';
import { openSqliteDevices } from '../../ports/devices/sqlite-devices.ts';
import { openSqliteDirectory } from '../../ports/directory/sqlite-directory.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { openSqliteEventLog } from '../../ports/event-log/sqlite-event-log.ts';
import { FileNoticeStore } from '../../ports/notice-store/file-notice-store.ts';
import { MemoryRateLimiter } from '../../ports/rate-limiter/memory-rate-limiter.ts';
import { MemorySessionRegistry } from '../../ports/session-registry/memory-session-registry.ts';
import type { TaskQueue } from '../../ports/task-queue/task-queue.ts';
import { openSqliteTimeline } from '../../ports/timeline/sqlite-timeline.ts';
import type { ProfiledThreads } from '../../profiles/profiled-threads.ts';
import { type Health, type HealthCheck, healthy } from '../../roles/operator/health.ts';
import { removeRunning } from '../commands/running-file.ts';
import { registerDevicesAndTasks } from '../operator/device-metrics.ts';
import { type ComposedCore, type CoreSurroundings, composeCore, startRetention } from '../roles/core.ts';
import { type EventStore, eventBatchMax, eventWritesMax, type OpenEvents, openEvents } from '../roles/events.ts';
import { composeWorker } from '../roles/worker.ts';
import { openTasks } from './task-queue.ts';

export interface OpenCore extends ComposedCore {
  readonly access: Access;
  readonly devices: Devices;
  readonly tasks: TaskQueue;
  readonly events: Pick<OpenEvents, 'webhooks' | 'reader'>;
  /** Resolves when a store has become unwritable: the process has to be restarted. */
  readonly died: Promise<void>;
  readonly check: HealthCheck;
  /** Finishes accepted commands, then closes the stores. */
  close(): Promise<void>;
}

/** Sessions of a node expire after this time without renewal. */
const sessionTtlMs = 30_000;
/** The directory takes writes of many kinds beside receipts: its queue holds several for each command that may wait. */
const directoryWritesPerCommand = 10;

export interface EmbeddedCoreSurroundings extends CoreSurroundings {
  readonly threads: ProfiledThreads;
}

export async function openCore(config: Config, surroundings: EmbeddedCoreSurroundings): Promise<OpenCore> {
  const { log, clock, metrics, threads, tracing } = surroundings;
  const lock = lockFolder(config.data);
  const layout = dataLayout(config.data);
  try {
    // A killed server leaves its file behind.
    await removeRunning(config.data);
    assertRestored(config.data);
    await assertStillOwn(config.data);
  } catch (error) {
    lock.release();
    throw error;
  }
  const { promise: died, resolve } = Promise.withResolvers<void>();
  let isDead = false;
  const onDeath = () => {
    isDead = true;
    resolve();
  };
  assertDirectoryIsThere(layout.directory, layout.timeline);
  const store = {
    log,
    maxBytes: config.storeBytesMax === 0 ? undefined : config.storeBytesMax,
    batchMax: config.commitBatchMax,
    onDeath,
    threads,
  };
  const meters = metersOf(metrics);
  // Two batches of commands may be under way, and each change of a conversation adds an entry of its own.
  const timeline = await openSqliteTimeline({
    ...store,
    dir: layout.timeline,
    queueMax: config.commandQueueMax * 2,
    meter: meters.timeline,
    tracing,
  });
  const directory = await openSqliteDirectory({
    ...store,
    path: layout.directory,
    queueMax: config.commandQueueMax * directoryWritesPerCommand,
    meter: meters.directory,
  });
  const devices = await openSqliteDevices({ ...store, path: layout.devices, meter: meters.devices });
  const tasks = await openTasks(config, { ...store, clock, path: layout.tasks, meter: meters.tasks });
  const access = await openSqliteAccess({
    ...store,
    path: layout.access,
    revocationsMax: config.revocationsMax,
    queueMax: config.commandQueueMax,
    meter: meters.access,
  });
  const bus = new MemoryEventBus();
  const commands = new MemoryCommandLog({
    queueMax: config.commandQueueMax,
    queuePerUserMax: config.commandsPerUserMax,
    batchMax: config.commitBatchMax,
    batchPerUserMax: config.commitBatchPerUserMax,
    clock,
    log,
  });
  const registry = new MemorySessionRegistry({ clock, ttlMs: sessionTtlMs });
  const events = await openEvents(
    config,
    { log, clock, metrics },
    { timeline, directory, registry },
    sqliteEvents(config, { log, meter: meters.events, onDeath }),
  );
  metrics.queue('commands', { depth: () => commands.depth, max: config.commandQueueMax });
  const buckets = () => new MemoryRateLimiter({ clock, bucketsMax: config.rateLimitBucketsMax });
  const rateLimiter = buckets();
  metrics.gauge({
    name: 'hongyan_rate_limit_buckets',
    help: 'Buckets of users and of attempts to log in that are not full; full ones leave one by one',
    read: () => rateLimiter.size,
  });
  metrics.gauge({
    name: 'hongyan_online_users',
    help: 'Users with a connection to any process',
    read: () => registry.userCount,
  });
  const composed = await composeCore(config, surroundings, {
    ...{ commands, access, devices, tasks, bus, registry, rateLimiter },
    stores: { type: 'sole', timeline, directory },
    outlet: events.outlet,
    eventReader: events.reader,
    webhooks: events.webhooks,
    storedBytesLimiter: buckets(),
    noticeStore: new FileNoticeStore(layout.notices, clock),
    isBehindLink: config.gateways > 1,
  });
  await composed.core.ready;
  registerDevicesAndTasks(metrics, devices, tasks);
  const worker = composeWorker(surroundings, { devices, directory, tasks, events });
  const retention = startRetention(config.retentionDays, { timeline, clock, log });
  return {
    ...composed,
    ...{ access, events, devices, tasks },
    died,
    check: {
      name: 'stores',
      check: () =>
        isDead ? { status: 'failed', reason: 'a store cannot be written: the server stops' } : healthOf(meters, clock),
    },
    async close() {
      retention?.cancel();
      await composed.core.drain();
      await worker.drain();
      await tasks.close();
      await events.close();
      await timeline.close();
      await directory.close();
      await devices.close();
      await access.close();
      lock.release();
    },
  };
}

const stores = ['timeline', 'directory', 'devices', 'tasks', 'access', 'events'] as const;
type Meters = Readonly<Record<(typeof stores)[number], StoreMeter>>;

const metersOf = (metrics: Metrics): Meters =>
  Object.fromEntries(stores.map((store) => [store, new StoreMeter(metrics, store)])) as Meters;

/** A store is healthy again after this time without a failed write: small writes may succeed where larger ones fail. */
const failuresCountForMs = 30_000;

/** An unwritable store is still readable: the server keeps serving reads and rejects writes. */
function healthOf(meters: Meters, clock: Pick<Clock, 'monotonicMs'>): Health {
  const reasons = stores.flatMap((store) => {
    const { lastFailure } = meters[store];
    if (lastFailure === undefined || clock.monotonicMs() - lastFailure.atMs > failuresCountForMs) return [];
    const { error } = lastFailure;
    return [`writes to the store ${store} fail: ${error instanceof Error ? error.message : String(error)}`];
  });
  return reasons.length === 0 ? healthy : { status: 'degraded', reason: reasons.join('; ') };
}

const sqliteEvents = (
  config: Config,
  { log, meter, onDeath }: { readonly log: Log; readonly meter: StoreMeter; readonly onDeath: () => void },
): EventStore => {
  const path = dataLayout(config.data).events;
  return {
    async open() {
      // A store that fails to open rejects the request or the start that needs it; the server continues.
      let isOpen = false;
      const events = await openSqliteEventLog({
        ...{ path, log, queueMax: eventWritesMax, batchMax: eventBatchMax, meter },
        maxBytes: config.storeBytesMax === 0 ? undefined : config.storeBytesMax,
        onDeath: () => isOpen && onDeath(),
      });
      isOpen = true;
      return events;
    },
    isThere: existsSync(path),
    isShared: false,
    sends: true,
  };
};

/** During a restore only some files are in place. */
function assertRestored(data: string): void {
  if (!existsSync(dataLayout(data).restoring)) return;
  throw new Error(
    `${data} is being restored, or its restore was interrupted: wait until it ends, or delete the contents of the folder and restore again`,
  );
}

/** With a new directory beside an old timeline, whoever signs up with a user id would receive the messages of its former owner. */
function assertDirectoryIsThere(path: string, timelineFolder: string): void {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > 0 || !hasMessages(timelineFolder)) return;
  throw new Error(`${path} is missing or empty, although ${timelineFolder} has messages: restore it from a backup`);
}

const hasMessages = (folder: string): boolean =>
  existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('timeline-'));
