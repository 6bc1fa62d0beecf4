// The wall clock steps: back, across a month, far ahead and back again. Order, keys and positions do not depend on it.

import { afterAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type Clock, systemClock } from '@hongyan/base/clock';
import { createLog } from '@hongyan/base/log';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { freePort } from '@hongyan/testing/free-port';
import { type Account, openDirect, signUp } from '@hongyan/testing/http-client';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { WireClient } from '@hongyan/testing/wire-client';
import { startEmbedded } from '../../packages/server/src/compose/embedded/embedded.ts';
import { loadConfig } from '../../packages/server/src/config/load.ts';
import { openSqliteTimeline } from '../../packages/server/src/ports/timeline/sqlite-timeline.ts';
import type { NewEntry } from '../../packages/server/src/ports/timeline/timeline.ts';
import { dataFolder, removeDataFolders } from '../server-process.ts';
import { check } from './checker.ts';
import { Crowd } from './crowd.ts';

const seed = testSeed('clock');
/** Their address is a fixed one, which another server may have. */
const noOperators = ['--operator-listen', ''];
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const log = createLog({ level: 'error' });

/** These send as fast as they can. */
const unlimited = ['--default-tier', 'unlimited'];

afterAll(removeDataFolders);

test('[D2][D3] the timeline keeps its order when the clock steps back across months and restarts', async () => {
  const dir = join(await dataFolder('clock-timeline'), 'timeline');
  const openTimeline = () => openSqliteTimeline({ dir, log, queueMax: 1000, batchMax: 100 });
  const start = Date.UTC(2026, 2, 1, 0, 0, 5);
  // Over the end of February and back, a year ahead and back, before 1970 never.
  const steps = [-10_000, 0, 3 * hourMs, -40 * dayMs, 35 * dayMs, -dayMs, 365 * dayMs, -2 * dayMs, 0];
  const conversationId = 'g:clock' as ConversationId;
  const first = await openTimeline();
  let position = await first.position();
  await first.close();
  let count = 0;
  for (const stepMs of steps) {
    const timeline = await openTimeline();
    for (let i = 0; i < 20; i++) {
      count++;
      const [result] = await timeline.append([entryAt(start + stepMs + i, count)]);
      expect(result?.type).toBe('committed');
      expect(Number(result?.entry.seq)).toBe(count);
      const changed = await timeline.changedSince(position, [conversationId]);
      expect([...changed]).toEqual([conversationId]);
      position = await timeline.position();
      expect((await timeline.changedSince(position, [conversationId])).size).toBe(0);
    }
    // Every key so far is still known, whichever month it went to.
    for (let n = 1; n <= count; n += 7) {
      const [again] = await timeline.append([entryAt(start + stepMs, n)]);
      expect({ type: again?.type, seq: Number(again?.entry.seq) }).toEqual({ type: 'duplicate', seq: n });
    }
    await timeline.close();
  }
  const timeline = await openTimeline();
  const { entries, firstSeq, lastSeq } = await timeline.range({ conversationId, afterSeq: 0 as Seq, limit: 500 });
  expect(entries.map((entry) => Number(entry.seq))).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  expect({ firstSeq: Number(firstSeq), lastSeq: Number(lastSeq) }).toEqual({ firstSeq: 1, lastSeq: count });
  expect((await timeline.changedSince(position, [conversationId])).size).toBe(0);
  await timeline.close();

  function entryAt(timestampMs: number, n: number): NewEntry {
    return {
      msgId: `00000000-0000-7000-8000-${String(n).padStart(12, '0')}` as MsgId,
      conversationId,
      from: 'ann' as UserId,
      clientMsgId: `k${n}` as ClientMsgId,
      timestampMs,
      contentJson: '{"type":"text","text":"x"}',
      isCounted: true,
    };
  }
});

test('[D3] keys of any characters are known again after their month is closed', async () => {
  const dir = join(await dataFolder('clock-keys'), 'timeline');
  const timeline = await openSqliteTimeline({ dir, log, queueMax: 1000, batchMax: 100 });
  const keys = ['\ufffd', '😀', 'a', 'a\u0000', 'Z', 'é', '\uffff', '\u{10ffff}'];
  const entry = (clientMsgId: string, n: number, month: number): NewEntry => ({
    msgId: `00000000-0000-7000-8000-${String(n).padStart(12, '0')}` as MsgId,
    conversationId: 'g:keys' as ConversationId,
    from: 'ann' as UserId,
    clientMsgId: clientMsgId as ClientMsgId,
    timestampMs: Date.UTC(2026, month, 15),
    contentJson: '{"type":"x"}',
    isCounted: true,
  });
  for (const [index, key] of keys.entries()) await timeline.append([entry(key, index + 1, 1)]);
  await timeline.append([entry('next month', 100, 2)]);
  for (const [index, key] of keys.entries()) {
    const [again] = await timeline.append([entry(key, index + 200, 2)]);
    expect({ key, type: again?.type, seq: Number(again?.entry.seq) }).toEqual({
      key,
      type: 'duplicate',
      seq: index + 1,
    });
  }
  await timeline.close();
});

test('[D1][D2][D3][D4][D7] a whole server whose clock steps back, while it runs and between starts, keeps the contract', async () => {
  const data = await dataFolder('clock');
  const listen = `127.0.0.1:${freePort()}`;
  let offsetMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + offsetMs };
  const argv = [
    '--data',
    data,
    '--listen',
    listen,
    ...unlimited,
    ...noOperators,
    '--token-ttl-s',
    String((100 * dayMs) / 1000),
    '--log-level',
    'error',
  ];
  const loaded = loadConfig({ argv, env: {}, readFile: () => '', switches: [] });
  if (loaded.type === 'error') throw new Error(loaded.message);
  let running = await startEmbedded(loaded.config, { log, clock, program: [] });
  const crowd = await Crowd.gather({ url: running.url, name: 'clock', random: createRandom(seed) });
  for (const [between, during] of [
    [0, -hourMs],
    [-2 * hourMs, -40 * dayMs],
    [-80 * dayMs, 0],
    [40 * dayMs, 5 * dayMs],
    [0, 0],
  ] as const) {
    await running.stop();
    offsetMs = between;
    running = await startEmbedded(loaded.config, { log, clock, program: [] });
    crowd.events.push({ type: 'restarted' });
    await crowd.connect();
    await crowd.load(30);
    offsetMs = during;
    await crowd.load(30);
    await crowd.settle();
    expect(check(crowd.events, await crowd.aftermath()).slice(0, 3)).toEqual([]);
  }
  await running.stop();
}, 60_000);

test('[D4] what a device reads after the clock stepped back is told to the others of its user', async () => {
  let offsetMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + offsetMs };
  const listen = `127.0.0.1:${freePort()}`;
  const argv = [
    '--data',
    await dataFolder('clock-read'),
    '--listen',
    listen,
    ...unlimited,
    ...noOperators,
    '--log-level',
    'error',
  ];
  const loaded = loadConfig({ argv, env: {}, readFile: () => '', switches: [] });
  if (loaded.type === 'error') throw new Error(loaded.message);
  const running = await startEmbedded(loaded.config, { log, clock, program: [] });
  const { url } = running;
  const [ann, bob] = await Promise.all([signUp(url, 'ann'), signUp(url, 'bob')]);
  const conversationId = await openDirect(url, ann, 'bob');
  const open = ({ userId, token }: Account, deviceId: string) => WireClient.open({ url, token, userId, deviceId });
  const writer = await open(ann, 'phone');
  await writer.send({ conversationId, clientMsgId: 'k', content: { type: 'text', text: 'x' } });
  offsetMs = hourMs;
  const desk = await open(bob, 'desk');
  const before = await desk.sync();
  await desk.close();
  offsetMs = 0;
  const phone = await open(bob, 'phone');
  const told = phone.next(({ type, user_id }) => type === 'receipt' && user_id === 'bob');
  phone.receipt('read', conversationId, 1);
  await told;
  const again = await open(bob, 'desk');
  expect([...((await again.sync(before?.cursor))?.lastSeqs.keys() ?? [])]).toContain(conversationId);
  await running.stop();
}, 20_000);

test('a clock that jumps ahead makes no connection silent', async () => {
  const heartbeatMs = 300;
  let offsetMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + offsetMs };
  const listen = `127.0.0.1:${freePort()}`;
  const data = await dataFolder('clock-ahead');
  const argv = [
    '--data',
    data,
    '--listen',
    listen,
    ...unlimited,
    '--log-level',
    'error',
    '--heartbeat-ms',
    String(heartbeatMs),
    ...noOperators,
  ];
  const loaded = loadConfig({ argv, env: {}, readFile: () => '', switches: [] });
  if (loaded.type === 'error') throw new Error(loaded.message);
  const running = await startEmbedded(loaded.config, { log, clock, program: [] });
  const { userId, token } = await signUp(running.url, 'ann');
  const device = await WireClient.open({ url: running.url, token, userId, deviceId: 'phone' });
  offsetMs = hourMs;
  const until = performance.now() + 2 * heartbeatMs;
  while (performance.now() < until) {
    expect(await Promise.race([device.closed, device.ping()])).toBe(true);
    // Below the rate at which pings are answered.
    await Bun.sleep(120);
  }
  await running.stop();
}, 20_000);
