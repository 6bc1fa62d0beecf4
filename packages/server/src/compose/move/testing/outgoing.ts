// What a data folder holds for those outside: events, webhooks with what became of their deliveries, tasks that were given up. Filled, changed
// while it is moved, and asked on both sides.

import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { sendJob } from '../../../ports/event-log/claims.ts';
import type { EventLog } from '../../../ports/event-log/event-log.ts';
import { events as drafts, endpoint } from '../../../ports/event-log/testing/drafts.ts';
import type { Attempt, Settlement } from '../../../ports/event-log/webhooks.ts';
import type { TaskQueue } from '../../../ports/task-queue/task-queue.ts';
import type { Feed } from '../../../ports/timeline/feed.ts';
import type { Timeline } from '../../../ports/timeline/timeline.ts';

export interface Outgoing {
  readonly events: EventLog;
  readonly tasks: TaskQueue;
  readonly timeline: Timeline & { readonly feed: Feed };
}

const kind = 'devices.register';
const endpointIds = ['wh_1', 'wh_2'];
const claimMs = 60_000;
/** More than are kept of an endpoint, in turns with another one's. */
const attemptCount = 130;

export async function fillOutgoing({ events, tasks, timeline }: Outgoing): Promise<void> {
  await events.beginRecording(await timeline.feed.start());
  await record({ events, timeline }, 7);
  await events.append({ events: drafts(40, { lane: 'user 鸿', seq: 4 as Seq }) });
  await events.addEndpoint(
    endpoint({ types: ['message.created', 'user.online'], oldSecret: { secret: 'whsec_b2xk', untilMs: 9e15 } }),
  );
  await events.addEndpoint(endpoint({ id: 'wh_2', createdAtMs: 2, isEnabled: false, disabledReason: 'HTTP 410' }));
  for (let number = 1; number <= attemptCount; number++)
    for (const endpointId of endpointIds) await events.recordAttempts(endpointId, [attempt(number)]);
  await settle(events, {
    parked: [
      { position: 9, lane: 'g:1', attempts: 2, nextMs: 77 },
      { position: 11, lane: 'g:1', attempts: 0, nextMs: 0 },
    ],
    dead: [
      {
        ...{ position: 3, eventId: 'evt_3', type: 'message.created', lane: 'g:1' },
        ...{ attempts: 12, error: 'HTTP 500', atMs: 5 },
      },
    ],
  });
  await events.recordPositions([position('ann', 3), position('bob', 2)]);
  await events.appendPositionEvents({ atMs: 20, limit: 10 });
  await events.recordPositions([position('ann', 5)]);
  await events.recordPresence([{ userId: 'ann' as UserId, isOnline: true, atMs: 21 }], 'run');
  await giveUp(tasks, 'one', 'two', 'three');
}

export async function changeOutgoing({ events, tasks, timeline }: Outgoing): Promise<void> {
  await record({ events, timeline }, 3);
  await events.append({ events: drafts(4) });
  await events.retain({ beforeMs: 0, bytesMax: (await events.ends()).bytes - 300 });
  await events.changeEndpoint('wh_2', { isEnabled: true, disabledReason: '' });
  await events.recordPositions([position('cat', 1)]);
  await events.recordPresence([{ userId: 'ann' as UserId, isOnline: false, atMs: 31 }], 'run');
  await settle(events, { progress: { cursor: 12, failures: 0, failingSinceMs: 0, pausedUntilMs: 0 }, unparked: [9] });
  await events.recordAttempts('wh_1', [attempt(attemptCount + 1)]);
  const [, second] = await tasks.deadLetters({ limit: 10 });
  if (second) await tasks.discard({ taskIds: [second.taskId] });
  await giveUp(tasks, 'four');
}

/** What the two have to answer alike. */
export const outgoingQuestions: readonly ((stores: Outgoing) => Promise<unknown>)[] = [
  async ({ events }) => events.epoch,
  ({ events }) => events.ends(),
  async ({ events }) => (await events.read({ after: 0, limit: 1_000 })).events,
  ({ events }) => events.endpoints(),
  ({ events }) => Promise.all(endpointIds.map((id) => events.parked(id))),
  ({ events }) => Promise.all(endpointIds.map((id) => events.attempts(id, 1_000))),
  ({ events }) => Promise.all(endpointIds.map((id) => events.deadLetters(id, 1_000))),
  ({ events }) => events.reportedOnline({ limit: 10 }),
  ({ events }) => events.isRecording(),
  async ({ tasks }) =>
    (await tasks.deadLetters({ limit: 10 })).map(
      ({ taskId, kind, payload, error, failureCount, addedAtMs, diedAtMs }) => [
        ...[taskId, kind, payload, error, failureCount, addedAtMs, diedAtMs],
      ],
    ),
  // What the recorder has before it.
  async ({ events, timeline }) => {
    const after = await events.feedPosition();
    if (after === undefined) return undefined;
    const { entries, hasGap } = await timeline.feed.read({ after, limit: 1_000 });
    return { hasGap, entries: entries.map(({ msgId }) => msgId).toSorted() };
  },
];

/** Both go on alike, where nothing of what was told is told again. */
export async function goOn({ events }: Outgoing): Promise<unknown> {
  const { end } = await events.ends();
  await events.recordPositions([position('ann', 5), position('bob', 2)]);
  while (await events.appendPositionEvents({ atMs: 40, limit: 10 }));
  await events.recordAttempts('wh_1', [attempt(attemptCount + 2)]);
  const told = (await events.read({ after: end, limit: 100 })).events;
  return {
    positions: told.map(({ position }) => position),
    told: told.map(({ id, dataJson }) => [id, dataJson]).toSorted(),
    attempts: await events.attempts('wh_1', 1_000),
  };
}

/** As the recorder does: events of entries, with the position of the feed. */
async function record({ events, timeline }: Pick<Outgoing, 'events' | 'timeline'>, count: number): Promise<void> {
  const after = (await events.feedPosition()) ?? (await timeline.feed.start());
  const page = await timeline.feed.read({ after, limit: count });
  await events.append({ events: drafts(page.entries.length), feedPosition: page.position });
}

async function settle(events: EventLog, draft: Partial<Settlement>): Promise<void> {
  const [claim] = await events.claim({ jobs: [sendJob('wh_1')], limit: 1, ttlMs: claimMs });
  if (claim === undefined) throw new Error('nobody else sends');
  const progress = { cursor: 11, failures: 2, failingSinceMs: 9, pausedUntilMs: 8 };
  const nothing = { parked: [], unparked: [], attempts: [], dead: [] };
  await events.settle({ endpointId: 'wh_1', claim, progress, ...nothing, ...draft });
  await events.release([claim]);
}

async function giveUp(tasks: TaskQueue, ...payloads: readonly string[]): Promise<void> {
  await tasks.add(payloads.map((payload) => ({ kind, payload, key: payload })));
  const claims = await tasks.claim({ kind, limit: 10, payloadMax: 1_000, leaseMs: claimMs });
  await tasks.settle(claims.map((claim) => ({ claim, outcome: { type: 'dead', error: `no ${claim.payload}` } })));
}

const attempt = (number: number): Attempt => ({
  ...{ position: number, eventId: `evt_${number}`, type: 'message.created', atMs: number },
  ...{ durationMs: 4, status: 500, error: 'HTTP 500' },
});

const position = (name: string, seq: number) => ({
  ...{ conversationId: 'g:1' as ConversationId, userId: name as UserId },
  ...{ deliveredSeq: seq as Seq, readSeq: 0 as Seq },
});
