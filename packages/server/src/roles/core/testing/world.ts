// A core on SQLite files in a temporary folder, with a clock that the test moves and listeners on the bus.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { done, ok } from '@hongyan/base/result';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { ClientMsgId, ConversationId, DeviceId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { Metrics } from '../../../metrics/metrics.ts';
import type { Access } from '../../../ports/access/access.ts';
import { openSqliteAccess } from '../../../ports/access/sqlite-access.ts';
import { MemoryCommandLog } from '../../../ports/command-log/memory-command-log.ts';
import type { DeviceCaller } from '../../../ports/core/core.ts';
import { testKeys } from '../../../ports/core/testing/signed.ts';
import type { Devices } from '../../../ports/devices/devices.ts';
import { openSqliteDevices } from '../../../ports/devices/sqlite-devices.ts';
import type { Directory } from '../../../ports/directory/directory.ts';
import { openSqliteDirectory } from '../../../ports/directory/sqlite-directory.ts';
import { type BusEvent, type Topic, userTopic } from '../../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../../ports/event-bus/memory-event-bus.ts';
import type { EventLog } from '../../../ports/event-log/event-log.ts';
import { noOutlet } from '../../../ports/event-log/event-outlet.ts';
import { openSqliteEventLog } from '../../../ports/event-log/sqlite-event-log.ts';
import { GuardedOutbound } from '../../../ports/outbound/guarded-outbound.ts';
import { MemoryRateLimiter } from '../../../ports/rate-limiter/memory-rate-limiter.ts';
import { MemorySessionRegistry } from '../../../ports/session-registry/memory-session-registry.ts';
import { openSqliteTaskQueue } from '../../../ports/task-queue/sqlite-task-queue.ts';
import { openSqliteTimeline } from '../../../ports/timeline/sqlite-timeline.ts';
import type { Timeline } from '../../../ports/timeline/timeline.ts';
import { Webhooks } from '../../worker/events/webhooks.ts';
import { registrationWork } from '../../worker/registration-work.ts';
import { startWorker } from '../../worker/worker.ts';
import { type RunningCore, startCore } from '../core.ts';
import type { CoreDeps, CoreLimits, CoreStores } from '../deps.ts';
import { CoreMeter } from '../meter.ts';
import { UserTiers } from '../user-tiers.ts';

export interface World {
  readonly core: RunningCore;
  readonly timeline: Timeline;
  readonly directory: Directory;
  readonly access: Access;
  readonly devices: Devices;
  readonly bus: MemoryEventBus;
  /** Creates the users, without passwords. */
  people(...ids: readonly string[]): Promise<void>;
  /** Returns the conversation's id. */
  group(creator: string, members: readonly string[], more?: Partial<NewGroup>): Promise<ConversationId>;
  /** Sends a text with a key of its own; `to` is a conversation or a user. */
  say(from: string, to: string, text?: string): Promise<Output<'send'>>;
  /** The result of the same, where it may be refused. */
  trySay(from: string, to: string, text?: string): Promise<Result<Output<'send'>>>;
  /** Reports both positions. */
  read(caller: DeviceCaller, conversationId: ConversationId, at: number): Promise<Result<undefined>>;
  /** Frames of these topics from now on, parsed. */
  listen(...topics: readonly Topic[]): Promise<readonly Frame[]>;
  /** The conversations that a connection of the user, opened now and kept open, follows. */
  follow(userId: string): Promise<ReadonlySet<ConversationId>>;
  /** Time passes on the wall clock. */
  pass(ms: number): void;
  close(): Promise<void>;
}

type NewGroup = Exclude<Input<'createConversation'>, { kind: 'direct' }>;

export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface WorldOptions extends Partial<CoreLimits> {
  /** A file of the timeline grows to this. */
  readonly timelineBytesMax?: number;
  readonly isSignupEnabled?: boolean;
  /** Replaces options of the core, such as its clock, or ports by ones that fail or delay. The world keeps the real ones. */
  readonly given?: (deps: CoreDeps) => CoreDeps;
  /** Opened again with what an earlier world left there; removed by the test. */
  readonly folder?: string;
}

/** Writes that wait in the directory; further ones are refused. */
export const directoryQueueMax = 10_000;

const limitsDefault: CoreLimits = {
  contentBytesMax: 32_768,
  pageMax: 200,
  eventsWaitMsMax: 0,
  pageBytesMax: 256 * 1024,
  groupMembersMax: 100,
  conversationsPerUserMax: 10_000,
  membersInlineMax: 100,
  addressLoginsPerMinute: 0,
  addressSignupsPerHour: 0,
  receiptsPushMax: 100,
  signatures: { windowMs: 60_000, rememberedMax: 10_000 },
  changes: { editWindowMs: 60_000, mayOwnersEdit: false, reactionKeysMax: 3, pinnedMax: 2 },
  mentionAllMax: 3,
};

export async function openWorld({
  timelineBytesMax,
  isSignupEnabled = true,
  given = (deps) => deps,
  folder: kept,
  ...limits
}: WorldOptions = {}): Promise<World> {
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'hongyan-core-'));
  const bounds = { queueMax: directoryQueueMax, batchMax: 1_000, log: silentLog };
  const timeline = await openSqliteTimeline({ dir: join(folder, 'timeline'), maxBytes: timelineBytesMax, ...bounds });
  const directory = await openSqliteDirectory({ path: join(folder, 'directory.db'), ...bounds });
  const access = await openSqliteAccess({ path: join(folder, 'access.db'), revocationsMax: 1_000, ...bounds });
  for (const key of testKeys) await access.createKey(key);
  const devices = await openSqliteDevices({ path: join(folder, 'devices.db'), log: silentLog });
  const tasks = await openSqliteTaskQueue({
    ...{ path: join(folder, 'tasks.db'), clock: systemClock, log: silentLog },
    ...{ tasksMax: 1_000, payloadMax: 1_000_000, deadLettersMax: 10 },
  });
  const worker = startWorker({
    ...{
      queue: tasks,
      works: [registrationWork(devices, noOutlet)],
      clock: systemClock,
      log: silentLog,
      random: Math.random,
    },
    retry: { leaseMs: 10_000, failuresMax: 3, backOffBaseMs: 1, backOffMaxMs: 10 },
  });
  const bus = new MemoryEventBus();
  const time = { nowMs: Date.UTC(2026, 0, 15) };
  const clock = { ...systemClock, nowMs: () => time.nowMs };
  let eventLog: Promise<EventLog> | undefined;
  const webhooks = new Webhooks({
    openLog() {
      eventLog ??= openSqliteEventLog({ path: join(folder, 'events.db'), ...bounds });
      return eventLog;
    },
    ...{ timeline, clock, version: 'test', isPulled: false, timeoutMs: 1_000, noticedWithinMs: 0 },
    outbound: new GuardedOutbound({ mayReachPrivate: true }),
    // The id of the first endpoint is known.
    newKey: (bytes) => new Uint8Array(bytes).fill(7),
  });
  const deps: CoreDeps = {
    commands: new MemoryCommandLog({ ...bounds, queuePerUserMax: 1_000, batchPerUserMax: 64, clock }),
    timeline,
    directory,
    stores: { type: 'sole', timeline, directory },
    access,
    devices,
    tasks,
    bus,
    outlet: noOutlet,
    eventReader: noEvents,
    webhooks,
    registry: new MemorySessionRegistry({ clock, ttlMs: 60_000 }),
    tokens: { sign: async (userId) => ({ accessToken: `token of ${userId}`, expiresInS: 60, issuedAtMs: 0 }) },
    clock,
    log: silentLog,
    meter: new CoreMeter(new Metrics({ process: 'test' })),
    newMsgId: createUuidV7(() => time.nowMs) as () => MsgId,
    limits: { ...limitsDefault, ...limits },
    rateLimiter: new MemoryRateLimiter({ clock: systemClock, bucketsMax: 1000 }),
    storedBytes: { charge: () => done },
    isSignupEnabled,
    notices: { inForce: () => [] },
    mayIssuerCreate: true,
    tokenTtlS: 3_600,
    tiers: new UserTiers({
      tiers: new Map([
        ['free', undefined],
        ['paid', undefined],
      ]),
      defaultTier: 'free',
      clock,
      log: silentLog,
      directory,
    }),
  };
  const replaced = given(deps);
  const stores = { ...replaced.stores, timeline: replaced.timeline, directory: replaced.directory } as CoreStores;
  const core = startCore({ ...replaced, stores });
  await core.ready;
  return {
    ...{ core, timeline, directory, devices, access, bus },
    ...talking(core),
    ...listening(core, bus),
    async people(...ids) {
      const all = ids.map((id) => ({ userId: user(id), displayName: id, createdAtMs: time.nowMs, passwordHash: '' }));
      await Promise.all(all.map((one) => directory.createUser(one)));
    },
    pass(ms) {
      time.nowMs += ms;
    },
    async close() {
      await core.drain();
      await (await eventLog)?.close();
      await timeline.close();
      await directory.close();
      await worker.drain();
      await tasks.close();
      await devices.close();
      await access.close();
      if (kept === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A log without events. */
const noEvents: NonNullable<CoreDeps['eventReader']> = {
  pull: async ({ after }) =>
    after === undefined ? ok({ events: [], position: 'epoch.0', has_more: false }) : refusal.foreignPosition(),
};

function talking(core: RunningCore): Pick<World, 'group' | 'say' | 'trySay' | 'read'> {
  let keys = 0;
  const trySay: World['trySay'] = (from, to, text = `from ${from}`) =>
    core.send(caller(from), {
      ...(to.includes(':') ? { conversation_id: to as ConversationId } : { to: user(to) }),
      client_msg_id: `key ${++keys}` as ClientMsgId,
      content: { type: 'text', text },
    });
  return {
    trySay,
    say: async (from, to, text) => accepted(await trySay(from, to, text)),
    async group(creator, members, more = {}) {
      const input = { kind: 'group' as const, title: `of ${creator}`, members: members.map(user), ...more };
      return accepted(await core.createConversation(caller(creator), input)).conversation_id;
    },
    read: (by, conversation_id, at) => core.read(by, { conversation_id, seq: at as Seq }),
  };
}

function listening(core: RunningCore, bus: MemoryEventBus): Pick<World, 'listen' | 'follow'> {
  return {
    async listen(...topics) {
      const frames: Frame[] = [];
      const onEvent = (event: BusEvent) => {
        if (event.type === 'frame') frames.push(JSON.parse(event.frame) as Frame);
      };
      await bus.attach({ onEvent, onLoss: () => {} }).subscribe(topics);
      return frames;
    },
    async follow(userId) {
      const followed = new Set<ConversationId>();
      const onEvent = (event: BusEvent) => {
        if (event.type !== 'membership') return;
        if (event.isMember) followed.add(event.conversationId);
        else followed.delete(event.conversationId);
      };
      await bus.attach({ onEvent, onLoss: () => {} }).subscribe([userTopic(user(userId))]);
      const opened = accepted(await core.openSession({ caller: caller(userId), clientName: '', node: 'test' }));
      for (const conversationId of opened.conversationIds) followed.add(conversationId);
      return followed;
    },
  };
}

export const user = (id: string) => id as UserId;
export const seq = (value: number) => value as Seq;
export const caller = (id: string, device = 'phone'): DeviceCaller => ({
  userId: user(id),
  deviceId: device as DeviceId,
  sessionId: `${id} ${device}`,
  tokenId: `token of ${id}`,
  address: '127.0.0.1',
});

/** The value of a result that must be one. */
export function accepted<T>(result: Result<T>): T {
  if (result.type !== 'ok') throw new Error(`${result.type}: ${result.code}: ${result.message}`);
  return result.value;
}

/** "ok", or the code of the refusal or failure. */
export const codeOf = (result: Result<unknown>): string => (result.type === 'ok' ? 'ok' : result.code);
