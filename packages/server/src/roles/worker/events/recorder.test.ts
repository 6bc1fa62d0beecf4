// Who is told as offline though nobody reported it, on a real log and with a clock moved by hand.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { EventLog, Position } from '../../../ports/event-log/event-log.ts';
import { openSqliteEventLog } from '../../../ports/event-log/sqlite-event-log.ts';
import type { Feed } from '../../../ports/timeline/feed.ts';
import { EventRecorder } from './recorder.ts';

const position = 'e.1' as Position;
const [ann, bob, cyd] = ['ann', 'bob', 'cyd'] as UserId[] as [UserId, UserId, UserId];

let folder: string;
let log: EventLog;
let clock: ManualClock;
let recorder: EventRecorder;
let online: Set<UserId>;
let looks: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-recorder-'));
  log = await openSqliteEventLog({ path: join(folder, 'events.db'), log: silentLog, queueMax: 1_000, batchMax: 100 });
  clock = new ManualClock();
  online = new Set();
  looks = 0;
  const feed: Pick<Feed, 'read' | 'wait'> = {
    read: async () => ({ entries: [], position, hasGap: false, isAtEnd: true }),
    wait: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  };
  recorder = new EventRecorder({
    ...{ feed: feed as Feed, clock, log: silentLog, run: 'test', retention: { keptMs: 1e9, bytesMax: 1e9 } },
    timeline: { position: async () => position, messagesAt: async () => [] },
    directory: { getConversations: async () => new Map() },
    registry: {
      async online(userIds) {
        looks++;
        return new Map(userIds.filter((userId) => online.has(userId)).map((userId) => [userId, [] as DeviceId[]]));
      },
    },
  });
  const came = [ann, bob, cyd].map((userId) => ({ userId, isOnline: true, atMs: 1 }));
  await log.recordPresence(came, 'a process that died');
  await recorder.start(log);
});
afterEach(async () => {
  await recorder.stop();
  await log.close();
  rmSync(folder, { recursive: true });
});

const gone = async () =>
  (await log.read({ after: 0, limit: 100, types: ['user.offline'] })).events.map(
    ({ dataJson }) => JSON.parse(dataJson).user_id,
  );
/** The first look at who is online; what it starts waits for the clock then. */
async function look(): Promise<void> {
  const before = looks;
  // While one comparison ends, the next one is left out.
  await until(() => {
    if (looks === before) clock.advance(40_000);
    return looks > before;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

test('[W8] users who were told to be online and have no session, now and after a while, are told as offline once', async () => {
  online.add(ann);
  await look();
  // Only the registry had lost it.
  online.add(cyd);
  expect(await gone()).toEqual([]);
  clock.advance(20_000);
  await until(async () => (await gone()).length > 0);
  expect(await gone()).toEqual([bob]);
  await look();
  clock.advance(20_000);
  online.delete(ann);
  await look();
  clock.advance(20_000);
  await until(async () => (await gone()).length > 1);
  expect(await gone()).toEqual([bob, ann]);
});
