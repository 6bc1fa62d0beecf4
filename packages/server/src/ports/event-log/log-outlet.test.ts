// Reports to a real log that another process begins to record, and that fails now and then, with a manual clock.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { EventLog, Position } from './event-log.ts';
import { LogOutlet, outletLookEveryMs } from './log-outlet.ts';
import { openSqliteEventLog } from './sqlite-event-log.ts';
import { endpoint } from './testing/drafts.ts';

const position = 'e.1' as Position;
const reported = {
  conversationId: 'g:1' as ConversationId,
  userId: 'ann' as UserId,
  deliveredSeq: 3 as Seq,
  readSeq: 1 as Seq,
};

let folder: string;
let log: EventLog;
let clock: ManualClock;
let outlet: LogOutlet;
/** What the log answers to reports; undefined: it takes them. */
let failure: StoreFailure | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-outlet-'));
  log = await openSqliteEventLog({ path: join(folder, 'events.db'), log: silentLog, queueMax: 1_000, batchMax: 100 });
  const recordPositions = log.recordPositions.bind(log);
  failure = undefined;
  log.recordPositions = (batch) => (failure ? Promise.reject(failure) : recordPositions(batch));
  clock = new ManualClock();
  outlet = new LogOutlet({ clock, log: silentLog, run: 'test' });
});
afterEach(async () => {
  await outlet.stop();
  await log.close();
  rmSync(folder, { recursive: true });
});

const types = async () => (await log.read({ after: 0, limit: 100 })).events.map(({ type }) => type);

test('[W1] that events are wanted is noticed with an endpoint of this process at once, with one of another at the next look', async () => {
  expect(outlet.isWanted).toBe(false);
  await outlet.start(log);
  expect(outlet.isWanted).toBe(false);
  await log.beginRecording(position);
  clock.advance(outletLookEveryMs);
  await until(() => outlet.isWanted);
  await log.endRecording();
  clock.advance(outletLookEveryMs);
  await until(() => !outlet.isWanted);
  await log.beginRecording(position);
  await log.addEndpoint(endpoint());
  await until(() => outlet.isWanted);
});

test('[W2] reports that could not be stored become a gap as soon as the log can be written', async () => {
  await log.beginRecording(position);
  await outlet.start(log);
  await outlet.positions([reported]);
  expect(await log.appendPositionEvents({ atMs: 1, limit: 10 })).toBe(true);
  failure = new StoreFailure('unavailable', 'the database is away');
  await outlet.positions([{ ...reported, deliveredSeq: 4 as Seq }]);
  expect(await types()).toEqual(['message.delivered', 'message.read']);
  clock.advance(outletLookEveryMs);
  await until(async () => (await types()).includes('events.gap'));
  clock.advance(outletLookEveryMs);
  await outlet.look();
  expect(await types()).toEqual(['message.delivered', 'message.read', 'events.gap']);
});

test('[W2] reports that could not be stored while a gap was written become another gap', async () => {
  await log.beginRecording(position);
  await outlet.start(log);
  failure = new StoreFailure('unavailable', 'the database is away');
  await outlet.positions([reported]);
  const append = log.append.bind(log);
  log.append = async (request) => {
    log.append = append;
    await append(request);
    await outlet.positions([reported]);
  };
  await outlet.look();
  expect(await types()).toEqual(['events.gap']);
  await outlet.look();
  await outlet.look();
  expect(await types()).toEqual(['events.gap', 'events.gap']);
});
