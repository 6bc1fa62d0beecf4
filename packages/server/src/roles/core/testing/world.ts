// A core on real SQLite files in a folder of its own, with a clock that the test moves and ears on the bus.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { Conversation } from '@hongyan/protocol/entry';
import type { ClientMsgId, ConversationId, DeviceId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { createMemoryCommandLog } from '../../../ports/command-log/memory-command-log.ts';
import type { Actor, Committed, Outcome } from '../../../ports/core/core.ts';
import { openSqliteDirectory } from '../../../ports/directory/sqlite-directory.ts';
import { type BusEvent, type Topic, userTopic } from '../../../ports/event-bus/event-bus.ts';
import { createMemoryEventBus } from '../../../ports/event-bus/memory-event-bus.ts';
import { createMemorySessionRegistry } from '../../../ports/session-registry/memory-session-registry.ts';
import { openSqliteTimeline } from '../../../ports/timeline/sqlite-timeline.ts';
import type { Timeline } from '../../../ports/timeline/timeline.ts';
import { createCore, type RunningCore } from '../core.ts';
import type { CoreLimits } from '../deps.ts';

export interface World {
  readonly core: RunningCore;
  readonly timeline: Timeline;
  /** Makes the users, without passwords. */
  people(...ids: readonly string[]): Promise<void>;
  /** The group's id. */
  group(creator: string, members: readonly string[], kind?: 'group' | 'broadcast'): Promise<ConversationId>;
  /** Sends a text with a key of its own; `to` is a conversation or a user. */
  say(from: string, to: string, text?: string): Promise<Committed>;
  /** The outcome of the same, where it may be refused. */
  trySay(from: string, to: string, text?: string): Promise<Outcome<Committed>>;
  read(actor: Actor, conversationId: ConversationId, at: number): Promise<Outcome<void>>;
  /** Frames of these topics from now on, parsed. */
  listen(...topics: readonly Topic[]): readonly Frame[];
  /** The conversations that a connection of the user, opened now and kept open, would follow. */
  follow(who: string): Promise<ReadonlySet<ConversationId>>;
  /** Time passes. */
  pass(ms: number): void;
  close(): Promise<void>;
}

export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface WorldOptions extends Partial<CoreLimits> {
  readonly areNewMembersShownHistory?: boolean;
  /** A month's file grows to this. */
  readonly timelineBytesMax?: number;
}

/** Writes that wait in the directory; further ones are refused. */
export const directoryQueueMax = 10_000;

export async function openWorld({
  areNewMembersShownHistory = true,
  timelineBytesMax,
  ...limits
}: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-core-'));
  const bounds = { queueMax: directoryQueueMax, batchMax: 1_000, log: silentLog };
  const timeline = await openSqliteTimeline({ dir: join(folder, 'timeline'), maxBytes: timelineBytesMax, ...bounds });
  const directory = await openSqliteDirectory({ path: join(folder, 'directory.db'), ...bounds });
  const bus = createMemoryEventBus();
  let nowMs = Date.UTC(2026, 0, 15);
  const clock = { ...systemClock, nowMs: () => nowMs };
  const core = createCore({
    openCommandLog: (handle) => createMemoryCommandLog(handle, bounds),
    timeline,
    directory,
    bus,
    registry: createMemorySessionRegistry(),
    clock,
    log: silentLog,
    newMsgId: createUuidV7(() => nowMs) as () => MsgId,
    limits: {
      contentBytesMax: 32_768,
      pageMax: 200,
      pageBytesMax: 256 * 1024,
      groupMembersMax: 100,
      membersInlineMax: 100,
      receiptsPushMax: 100,
      ...limits,
    },
    areNewMembersShownHistory,
  });
  let keys = 0;
  const trySay: World['trySay'] = (from, to, text = `from ${from}`) =>
    core.send({
      from: user(from),
      ...(to.includes(':') ? { conversationId: to as ConversationId } : { to: user(to) }),
      clientMsgId: `key ${++keys}` as ClientMsgId,
      content: { type: 'text', text },
    });

  return {
    core,
    timeline,
    async people(...ids) {
      const all = ids.map((id) => ({ userId: user(id), displayName: id, createdAtMs: nowMs, passwordHash: '' }));
      await Promise.all(all.map((one) => directory.createUser(one)));
    },
    async group(creator, members, kind = 'group') {
      const title = `of ${creator}`;
      const made = await core.createConversation({ kind, creator: user(creator), title, members: members.map(user) });
      return accepted<Conversation>(made).conversation_id;
    },
    say: async (from, to, text) => accepted(await trySay(from, to, text)),
    trySay,
    read: (actor, conversationId, at) =>
      core.advance({ actor, conversationId, deliveredSeq: at as Seq, readSeq: at as Seq }),
    listen(...topics) {
      const frames: Frame[] = [];
      const onEvent = (event: { type: string }) => {
        if ('frame' in event) frames.push(JSON.parse(String(event.frame)) as Frame);
      };
      bus.attach({ onEvent, onLoss: () => {} }).subscribe(topics);
      return frames;
    },
    async follow(who) {
      const followed = new Set<ConversationId>();
      const onEvent = (event: BusEvent) => {
        if (event.type !== 'membership') return;
        if (event.isMember) followed.add(event.conversationId);
        else followed.delete(event.conversationId);
      };
      bus.attach({ onEvent, onLoss: () => {} }).subscribe([userTopic(user(who))]);
      const session = { actor: actor(who), sessionId: `follows ${who}`, node: 'test' };
      for (const conversationId of (await core.open(session)).conversationIds) followed.add(conversationId);
      return followed;
    },
    pass(ms) {
      nowMs += ms;
    },
    async close() {
      await core.drain();
      await timeline.close();
      await directory.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export const user = (id: string) => id as UserId;
export const seq = (value: number) => value as Seq;
export const actor = (id: string, device = 'phone'): Actor => ({ userId: user(id), deviceId: device as DeviceId });

/** The value of an outcome that must be one. */
export function accepted<T>(outcome: Outcome<T>): T {
  if (outcome.type === 'refused') throw new Error(`refused: ${outcome.code}: ${outcome.message}`);
  return outcome.value;
}

/** "ok", or the code of the refusal. */
export const codeOf = (outcome: Outcome<unknown>): string => (outcome.type === 'ok' ? 'ok' : outcome.code);
