// The core on the embedded profile's stores, as one of a data folder.

import { existsSync, readdirSync, statSync } from 'node:fs';
import type { Timer } from '@hongyan/base/clock';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { MsgId } from '@hongyan/protocol/ids';
import { lockFolder } from '../adapters/sqlite/folder-lock.ts';
import { dataLayout } from '../config/data-layout.ts';
import { readNotices, writeNotices } from '../config/kept-notices.ts';
import type { Config } from '../config/options.ts';
import { parseTiers } from '../config/tiers.ts';
import { StoreMeter } from '../metrics/store-meter.ts';
import type { Access } from '../ports/access/access.ts';
import { openSqliteAccess } from '../ports/access/sqlite-access.ts';
import { MemoryCommandLog } from '../ports/command-log/memory-command-log.ts';
import type { Core } from '../ports/core/core.ts';
import type { Devices } from '../ports/devices/devices.ts';
import { openSqliteDevices } from '../ports/devices/sqlite-devices.ts';
import { openSqliteDirectory } from '../ports/directory/sqlite-directory.ts';
import type { EventBus } from '../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../ports/event-bus/memory-event-bus.ts';
import { MemoryRateLimiter } from '../ports/rate-limiter/memory-rate-limiter.ts';
import { MemorySessionRegistry } from '../ports/session-registry/memory-session-registry.ts';
import type { TaskQueue } from '../ports/task-queue/task-queue.ts';
import { openSqliteTimeline } from '../ports/timeline/sqlite-timeline.ts';
import type { Timeline } from '../ports/timeline/timeline.ts';
import type { Tokens } from '../ports/tokens/tokens.ts';
import type { ProfiledThreads } from '../profiles/profiled-threads.ts';
import { CallerLimits } from '../roles/core/caller-limits.ts';
import { startCore } from '../roles/core/core.ts';
import type { CoreLimits } from '../roles/core/deps.ts';
import { CoreMeter } from '../roles/core/meter.ts';
import { Notices } from '../roles/core/notices.ts';
import { StoredBytes } from '../roles/core/stored-bytes.ts';
import { UserTiers } from '../roles/core/user-tiers.ts';
import { type HealthCheck, healthy } from '../roles/operator/health.ts';
import type { People } from '../roles/operator/people.ts';
import { forgottenDevicesWork } from '../roles/worker/forgotten-devices-work.ts';
import { startOutboxRelay } from '../roles/worker/outbox-relay.ts';
import { registrationWork } from '../roles/worker/registration-work.ts';
import { registerDevicesAndTasks } from './device-metrics.ts';
import { type OpenEvents, openEvents } from './events.ts';
import { openSendHook } from './send-hook.ts';
import type { Surroundings } from './surroundings.ts';
import { openTasks, startWorks } from './worker.ts';

export interface OpenCore {
  readonly core: Core;
  readonly bus: EventBus;
  readonly access: Access;
  readonly devices: Devices;
  readonly tasks: TaskQueue;
  readonly events: Pick<OpenEvents, 'webhooks' | 'reader'>;
  readonly limits: CallerLimits;
  readonly notices: Notices;
  readonly tiers: UserTiers;
  readonly people: People;
  /** Resolves when a store cannot be written any more: only another process can. */
  readonly died: Promise<void>;
  readonly check: HealthCheck;
  /** Finishes accepted commands, then closes the stores. */
  close(): Promise<void>;
}

const dayMs = 86_400_000;
const retainEveryMs = 3_600_000;
/** Sessions of a node that was not renewed for so long are dropped. */
const sessionTtlMs = 30_000;
/** The directory takes writes of many kinds beside receipts: its queue holds several for each command that may wait. */
const directoryWritesPerCommand = 10;

export interface CoreSurroundings extends Surroundings {
  readonly tokens: Pick<Tokens, 'sign'>;
  readonly threads: ProfiledThreads;
  /** At present. */
  readonly isSignupEnabled: () => boolean;
}

export async function openCore(
  config: Config,
  { log, clock, metrics, tokens, threads, tracing, isSignupEnabled }: CoreSurroundings,
): Promise<OpenCore> {
  const lock = lockFolder(config.data);
  const layout = dataLayout(config.data);
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
  // Two batches of commands may be under way, and each change of a conversation adds an entry of its own.
  const timeline = await openSqliteTimeline({
    ...store,
    dir: layout.timeline,
    queueMax: config.commandQueueMax * 2,
    meter: new StoreMeter(metrics, 'timeline'),
    tracing,
  });
  const directory = await openSqliteDirectory({
    ...store,
    path: layout.directory,
    queueMax: config.commandQueueMax * directoryWritesPerCommand,
    meter: new StoreMeter(metrics, 'directory'),
  });
  const devices = await openSqliteDevices({ ...store, path: layout.devices });
  const tasks = await openTasks(config, { clock, log }, { ...store, path: layout.tasks });
  const access = await openSqliteAccess({
    ...store,
    path: layout.access,
    revocationsMax: config.revocationsMax,
    queueMax: config.commandQueueMax,
  });
  const events = await openEvents(config, { log, clock, metrics }, { timeline, directory });
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
  const tiers = new UserTiers({
    directory,
    tiers: parseTiers(config.tiers),
    defaultTier: config.defaultTier,
    clock,
    log,
  });
  const notices = new Notices({
    ...{ bus, clock, log },
    newId: createUuidV7(() => clock.nowMs()),
    kept: await readNotices(config.data),
    keep: (all) => writeNotices(config.data, all),
  });
  const core = startCore({
    notices,
    commands,
    timeline,
    directory,
    access,
    devices,
    tasks,
    bus,
    outlet: events.outlet,
    eventReader: events.reader,
    sendHook: await openSendHook(config, { log, clock }),
    registry,
    tokens,
    clock,
    log,
    meter: new CoreMeter(metrics),
    tracing,
    newMsgId: createUuidV7(() => clock.nowMs()) as () => MsgId,
    limits: coreLimits(config),
    rateLimiter,
    storedBytes: new StoredBytes({ tiers, limiter: buckets() }),
    get isSignupEnabled() {
      return isSignupEnabled();
    },
    tokenTtlS: config.tokenTtlS,
    setTier: (userId, tier) => tiers.set(userId, tier),
    mayIssuerCreate: config.jwtJwks !== '' && config.jwtCreateUsers,
  });
  registerDevicesAndTasks(metrics, devices, tasks);
  const works = [registrationWork(devices, events.outlet), forgottenDevicesWork(directory)];
  const worker = startWorks(works, { clock, log }, tasks);
  const relay = startOutboxRelay({ outboxes: { devices: devices.outbox }, tasks, clock, log });
  const retention = startRetention(config.retentionDays, { timeline, clock, log });
  return {
    core,
    bus,
    access,
    events,
    devices,
    tasks,
    limits: new CallerLimits({ tiers, limiter: rateLimiter }),
    tiers,
    people: { directory, devices, timeline, registry },
    notices,
    died,
    check: {
      name: 'stores',
      check: () => (isDead ? { status: 'failed', reason: 'a store cannot be written: the server stops' } : healthy),
    },
    async close() {
      retention?.cancel();
      await core.drain();
      await relay.drain();
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

/** [M18] undefined where messages are kept for ever. */
function startRetention(
  days: number,
  { timeline, clock, log }: Omit<Surroundings, 'metrics'> & { readonly timeline: Timeline },
): Timer | undefined {
  if (days === 0) return undefined;
  const retain = () => {
    timeline
      .retain({ fromMs: clock.nowMs() - days * dayMs })
      .catch((error: unknown) => log.error('old messages not removed', { error }));
  };
  retain();
  return clock.every(retainEveryMs, retain);
}

function coreLimits(config: Config): CoreLimits {
  return {
    contentBytesMax: config.contentBytesMax,
    pageMax: config.pageMax,
    // Across the link an answer has a deadline, which the wait has to leave room for.
    eventsWaitMsMax: config.gateways > 1 ? config.linkTimeoutMs / 2 : Number.POSITIVE_INFINITY,
    // A few pages may be on their way to one connection before it counts as slow.
    pageBytesMax: Math.floor(config.connectionBacklogBytesMax / 4),
    groupMembersMax: config.groupMembersMax,
    conversationsPerUserMax: config.conversationsPerUserMax,
    membersInlineMax: config.membersInlineMax,
    receiptsPushMax: config.receiptsPushMax,
    addressLoginsPerMinute: config.addressLoginsPerMinute,
    addressSignupsPerHour: config.addressSignupsPerHour,
    mentionAllMax: config.mentionAllMax,
    signatures: { windowMs: config.signatureWindowS * 1000, rememberedMax: config.signaturesMax },
    changes: {
      editWindowMs: config.editWindowS * 1000,
      mayOwnersEdit: config.ownersMayEdit,
      reactionKeysMax: config.reactionKeysMax,
      pinnedMax: config.pinnedMax,
    },
  };
}

/** A directory made anew beside a timeline would give its user ids, and with them its messages, to whoever signs up first. */
function assertDirectoryIsThere(path: string, timelineFolder: string): void {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > 0 || !hasMessages(timelineFolder)) return;
  throw new Error(`${path} is missing or empty, though ${timelineFolder} has messages: put it back from a backup`);
}

const hasMessages = (folder: string): boolean =>
  existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('timeline-'));
