// Deliveries of one endpoint on a real log, with a clock moved by hand and a receiver that answers as told: pauses, a dead endpoint,
// bounds, giving up.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import type { WireEvent } from '@hongyan/protocol/events';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import { formatSecret } from '../../../domain/webhook-signature.ts';
import { sendJob } from '../../../ports/event-log/claims.ts';
import type { EventLog, NewEvent } from '../../../ports/event-log/event-log.ts';
import { EventView } from '../../../ports/event-log/event-view.ts';
import { recordingGap } from '../../../ports/event-log/source-events.ts';
import { openSqliteEventLog } from '../../../ports/event-log/sqlite-event-log.ts';
import type { Endpoint } from '../../../ports/event-log/webhooks.ts';
import type { OutboundResponse } from '../../../ports/outbound/outbound.ts';
import { type DeliveryRules, EndpointDeliveries } from './endpoint-deliveries.ts';

const minuteMs = 60_000;
const endpoint: Endpoint = {
  ...{ id: 'wh_1', url: 'https://hooks.example.org/', types: [], secret: formatSecret(new Uint8Array(32)) },
  ...{ oldSecret: undefined, isEnabled: true, disabledReason: '', createdAtMs: 1 },
  progress: { cursor: 0, failures: 0, failingSinceMs: 0, pausedUntilMs: 0 },
};
const rulesDefault: DeliveryRules = {
  ...{ concurrency: 4, retry: { baseMs: 5_000, attemptsMax: 3 }, waitingMax: 100, giveUpMs: 24 * 60 * minuteMs },
};

let folder: string;
let log: EventLog;
let clock: ManualClock;
let deliveries: EndpointDeliveries | undefined;
/** Lane and text of each request, in their order. */
let sent: string[];
let goneReason: string | undefined;
let lostCount = 0;
let answering: (event: WireEvent) => OutboundResponse | Promise<OutboundResponse>;

const answered = (status: number, retryAfter: string | null = null): OutboundResponse => ({
  ...{ type: 'answered', status, retryAfter, body: '', isCut: false },
});
let count = 0;
const event = (lane: string, word: string): NewEvent => ({
  ...{ id: `evt_${++count}`, type: 'user.online', atMs: 1, lane, dataJson: JSON.stringify({ lane, word }) },
});
const append = (...events: readonly (readonly [lane: string, word: string])[]) =>
  log.append({ events: events.map(([lane, word]) => event(lane, word)) });

async function start(rules: Partial<DeliveryRules> = {}): Promise<void> {
  const [stored] = await log.endpoints();
  if (!stored) await log.addEndpoint(endpoint);
  const [claim] = await log.claim({ jobs: [sendJob(endpoint.id)], limit: 1, ttlMs: minuteMs });
  if (!claim) throw new Error('nobody else sends');
  deliveries = new EndpointDeliveries(stored ?? endpoint, {
    ...{ events: log, claim, clock, log: silentLog, timeoutMs: 1_000, version: '0', random: () => 0.5 },
    view: new EventView(log, {
      messagesAt: async () => [],
      range: () => Promise.reject(new Error('these events have no entries')),
    }),
    outbound: {
      refusalOf: () => undefined,
      async post({ body }) {
        const wire = JSON.parse(body) as WireEvent;
        sent.push(wire.type === 'events.gap' ? 'gap' : `${wire.data.lane} ${wire.data.word}`);
        return answering(wire);
      },
    },
    rules: { ...rulesDefault, ...rules },
    onClaimLost: () => {
      lostCount++;
    },
    onGone: (reason) => {
      goneReason = reason;
    },
    onAttempt: () => {},
  });
  await deliveries.start();
}
/** As a look after every claim has ended. */
async function restart(rules?: Partial<DeliveryRules>): Promise<void> {
  await deliveries?.stop();
  await log.changeEndpoint(endpoint.id, {});
  await start(rules);
}
const untilSent = (size: number) => until(() => sent.length >= size);
/** Time passes in small steps, so that what it starts gets to run. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    clock.advance(Math.min(1_000, ms - passed));
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
const settled = async () => {
  clock.advance(20);
  await until(async () => (await log.endpoints())[0]?.progress.cursor === deliveries?.progress.cursor);
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-deliveries-'));
  log = await openSqliteEventLog({ path: join(folder, 'events.db'), log: silentLog, queueMax: 1_000, batchMax: 100 });
  clock = new ManualClock();
  sent = [];
  goneReason = undefined;
  lostCount = 0;
  answering = () => answered(200);
});
afterEach(async () => {
  await deliveries?.stop();
  deliveries = undefined;
  await log.close();
  rmSync(folder, { recursive: true });
});

test('[W4] a lane sends one event at a time, lanes side by side; the cursor follows what was delivered', async () => {
  const held = new Map<string, PromiseWithResolvers<OutboundResponse>>();
  answering = ({ data }) => {
    const one = Promise.withResolvers<OutboundResponse>();
    held.set(`${data.lane} ${data.word}`, one);
    return one.promise;
  };
  await append(['a', '1'], ['a', '2'], ['b', '1']);
  await start();
  await untilSent(2);
  expect(sent).toEqual(['a 1', 'b 1']);
  held.get('b 1')?.resolve(answered(200));
  await until(() => deliveries?.progress.cursor === 0);
  held.get('a 1')?.resolve(answered(200));
  await untilSent(3);
  expect(sent[2]).toBe('a 2');
  await until(() => deliveries?.progress.cursor === 1);
  held.get('a 2')?.resolve(answered(204));
  await until(() => deliveries?.progress.cursor === 3);
});

test('[W5] what failed is tried again after growing pauses, its lane waits with it, and the last failure makes a dead letter', async () => {
  answering = ({ data }) => answered(data.word === 'bad' ? 500 : 200);
  await append(['a', 'bad'], ['a', 'behind'], ['b', 'other']);
  await start();
  await untilSent(2);
  await pass(4_000);
  expect(sent).toEqual(['a bad', 'b other']);
  await pass(2_000);
  await untilSent(3);
  await pass(18_000);
  expect(sent).toEqual(['a bad', 'b other', 'a bad']);
  await pass(4_000);
  await untilSent(5);
  expect(sent).toEqual(['a bad', 'b other', 'a bad', 'a bad', 'a behind']);
  await settled();
  await until(async () => (await log.deadLetters('wh_1', 10)).length === 1);
  expect(await log.deadLetters('wh_1', 10)).toMatchObject([{ position: 1, attempts: 3, error: 'HTTP 500', lane: 'a' }]);
  expect(await log.parked('wh_1')).toEqual([]);
});

test('[W4] what waits is there after a restart, in its order and with its attempts', async () => {
  answering = () => answered(500);
  await append(['a', '1'], ['a', '2']);
  await start();
  await untilSent(1);
  await pass(1_000);
  answering = () => answered(200);
  await restart();
  expect(await log.parked('wh_1')).toMatchObject([
    { position: 1, attempts: 1 },
    { position: 2, attempts: 0 },
  ]);
  await append(['a', '3']);
  await pass(6_000);
  await untilSent(4);
  expect(sent).toEqual(['a 1', 'a 1', 'a 2', 'a 3']);
});

test('[W4] no more requests are under way at once than may be', async () => {
  const held: PromiseWithResolvers<OutboundResponse>[] = [];
  answering = () => {
    const one = Promise.withResolvers<OutboundResponse>();
    held.push(one);
    return one.promise;
  };
  await append(...Array.from({ length: 5 }, (_, index) => [`lane ${index}`, 'x'] as const));
  await start({ concurrency: 2 });
  await untilSent(2);
  await pass(1_000);
  for (let size = 2; size < 5; size++) {
    expect(sent).toHaveLength(size);
    held[size - 2]?.resolve(answered(200));
    await untilSent(size + 1);
    await pass(1_000);
  }
  for (const one of held) one.resolve(answered(200));
  await until(() => deliveries?.progress.cursor === 5);
});

test('[W6] a redirect is a failure, and says what to do', async () => {
  answering = () => answered(307);
  await append(['a', '1']);
  await start();
  await untilSent(1);
  await settled();
  await until(async () => (await log.attempts('wh_1', 1)).length === 1);
  const [attempt] = await log.attempts('wh_1', 1);
  expect(attempt).toMatchObject({ status: 307, error: expect.stringContaining("change the endpoint's URL") });
  expect(await log.parked('wh_1')).toMatchObject([{ position: 1, attempts: 1 }]);
});

test('[W5] Retry-After pauses the whole endpoint', async () => {
  answering = () => answered(429, '60');
  await append(['a', '1']);
  await start({ concurrency: 1 });
  await untilSent(1);
  answering = () => answered(200);
  await append(['b', '1']);
  await pass(59_000);
  expect(sent).toEqual(['a 1']);
  await pass(2_000);
  await untilSent(3);
});

test('[W5] Retry-After holds though a request that was under way succeeds after it', async () => {
  const held = Promise.withResolvers<OutboundResponse>();
  answering = ({ data }) => (data.lane === 'slow' ? held.promise : answered(429, '60'));
  await append(['slow', '1'], ['a', '1']);
  await start();
  await untilSent(2);
  await until(() => deliveries?.progress.failures === 1);
  held.resolve(answered(200));
  await until(() => deliveries?.progress.failures === 0);
  answering = () => answered(200);
  await append(['b', '1']);
  await pass(58_000);
  expect(sent).toEqual(['slow 1', 'a 1']);
  await pass(3_000);
  await untilSent(4);
});

test('[W5] Retry-After holds for whoever sends for the endpoint next', async () => {
  answering = () => answered(429, '60');
  await append(['a', '1']);
  await start();
  await untilSent(1);
  answering = () => answered(200);
  await restart();
  await append(['b', '1']);
  await pass(58_000);
  expect(sent).toEqual(['a 1']);
  await pass(3_000);
  await untilSent(3);
});

test('[W5] what waits until a time that only a wrong clock can have meant is tried again within half a day', async () => {
  answering = () => answered(500);
  await append(['a', '1']);
  await start();
  await untilSent(1);
  await deliveries?.stop();
  answering = () => answered(200);
  clock = new ManualClock(clock.nowMs() - 365 * 24 * 60 * minuteMs);
  await restart();
  await pass(12 * 60 * minuteMs);
  await untilSent(2);
});

test('[W5] a dead endpoint is probed with one request at a time, at most five minutes apart, and nothing spins', async () => {
  answering = () => ({ type: 'failed', error: 'the connection was refused' });
  const lanes = Array.from({ length: 50 }, (_, index) => [`lane ${index}`, 'x'] as const);
  await append(...lanes);
  await start({ retry: { baseMs: 5_000, attemptsMax: 100 } });
  await pass(60 * minuteMs);
  // About a dozen in the first minutes, then one in five.
  expect(sent.length).toBeGreaterThan(12);
  expect(sent.length).toBeLessThan(40);
  answering = () => answered(200);
  await pass(7 * minuteMs);
  await pass(15 * minuteMs);
  await until(() => deliveries?.progress.failures === 0);
  await pass(12 * 60 * minuteMs);
  await until(() => deliveries?.progress.cursor === 50);
  expect(new Set(sent).size).toBe(50);
});

test('[W5] requests that fail together make one pause, the first: a receiver that restarts is sent to again at once', async () => {
  answering = () => ({ type: 'failed', error: 'the connection was refused' });
  await append(...Array.from({ length: 8 }, (_, index) => [`lane ${index}`, 'x'] as const));
  await start({ concurrency: 8 });
  await untilSent(8);
  await until(() => deliveries?.progress.failures === 8);
  answering = () => answered(200);
  await pass(7_000);
  await until(() => deliveries?.progress.failures === 0);
});

test('[W5] one bad conversation is no dead endpoint, however often it fails', async () => {
  answering = ({ data }) => answered(data.lane === 'bad' ? 500 : 200);
  await append(['bad', 'x']);
  await start({ retry: { baseMs: 5_000, attemptsMax: 100 } });
  await pass(30 * minuteMs);
  await append(['good', 'x']);
  await until(() => sent.includes('good x'));
});

test('[W5] with as many waiting as may, nothing new is read', async () => {
  answering = ({ data }) => answered(data.lane === 'bad' ? 500 : 200);
  await append(['bad', '1'], ['bad', '2'], ['bad', '3']);
  await start({ waitingMax: 3, retry: { baseMs: 60_000, attemptsMax: 100 } });
  await untilSent(1);
  await pass(1_000);
  await append(['good', 'x']);
  await pass(10_000);
  expect(sent).toEqual(['bad 1']);
  answering = () => answered(200);
  await pass(60_000);
  await untilSent(5);
  expect(sent).toContain('good x');
});

test('[W5] 410 and days without a success end an endpoint, and nothing is lost by it', async () => {
  answering = () => answered(410);
  await append(['a', '1']);
  await start();
  await until(() => goneReason !== undefined);
  expect(goneReason).toContain('410');
  expect(deliveries?.progress.cursor).toBe(0);
  goneReason = undefined;
  answering = () => answered(500);
  await restart({ giveUpMs: 30 * minuteMs, retry: { baseMs: 5_000, attemptsMax: 100 } });
  await pass(6 * 60 * minuteMs);
  await until(() => goneReason !== undefined);
  expect(goneReason).toStartWith('every attempt failed since 20');
  await deliveries?.stop();
  expect(await log.parked('wh_1')).toMatchObject([{ position: 1 }]);
});

test('[W2] an endpoint that is behind what retention removed is told of the gap first', async () => {
  await append(['a', '1'], ['a', '2'], ['a', '3']);
  await log.retain({ beforeMs: 2, bytesMax: Number.MAX_SAFE_INTEGER });
  await append(['a', '4']);
  await start();
  await untilSent(2);
  expect(sent.toSorted()).toEqual(['a 4', 'gap']);
});

test('[W4] after a change of the endpoint nothing is read on for it, and it stops', async () => {
  await append(['a', '1']);
  await start();
  await untilSent(1);
  await settled();
  await log.changeEndpoint(endpoint.id, { url: 'https://other.example.org/' });
  await append(['a', '2']);
  await until(() => lostCount === 1);
  await pass(2_000);
  expect(sent).toEqual(['a 1']);
  expect((await log.endpoints())[0]?.progress.cursor).toBe(1);
});

test('[W4] an orderly hand-over waits for what is under way, begins nothing, and whoever goes on repeats nothing', async () => {
  const held = Promise.withResolvers<OutboundResponse>();
  answering = ({ data }) => (data.lane === 'slow' ? held.promise : answered(200));
  await append(['slow', '1'], ['slow', '2'], ['a', '1'], ['b', '1'], ['slow', '3']);
  await start();
  await untilSent(3);
  await until(() => deliveries?.isIdle === false);
  const finished = deliveries?.finish();
  await append(['a', '2'], ['slow', '4']);
  await pass(2_000);
  expect(sent).toEqual(['slow 1', 'a 1', 'b 1']);
  expect(deliveries?.isIdle).toBe(false);
  held.resolve(answered(200));
  await finished;
  expect(deliveries?.isIdle).toBe(true);
  answering = () => answered(200);
  await restart();
  await untilSent(7);
  await settled();
  await until(async () => (await log.parked('wh_1')).length === 0);
  expect(sent.slice(3).toSorted()).toEqual(['a 2', 'slow 2', 'slow 3', 'slow 4']);
  expect(sent.filter((text) => text.startsWith('slow'))).toEqual(['slow 1', 'slow 2', 'slow 3', 'slow 4']);
  expect(deliveries?.progress.cursor).toBe(7);
});

test('[W4] what an orderly hand-over had to give up is delivered again, and nothing else is', async () => {
  const held = Promise.withResolvers<OutboundResponse>();
  answering = ({ data }) => (data.lane === 'slow' ? held.promise : answered(200));
  await append(['slow', '1'], ['a', '1'], ['slow', '2']);
  await start();
  await untilSent(2);
  await until(() => deliveries?.progress.cursor === 0);
  void deliveries?.finish();
  const stopped = deliveries?.stop();
  held.resolve({ type: 'failed', error: 'aborted' });
  await stopped;
  answering = () => answered(200);
  await restart();
  await untilSent(4);
  expect(sent).toEqual(['slow 1', 'a 1', 'slow 1', 'slow 2']);
});

test('[W2] a gap that was recorded is delivered with its own reason and id, now or after it waited', async () => {
  const told: WireEvent[] = [];
  answering = (wire) => {
    told.push(wire);
    return answered(told.length < 2 ? 500 : 200);
  };
  const gap = recordingGap('not_recorded', { clock, run: 'test' });
  await log.append({ events: [gap] });
  await start();
  await until(() => told.length === 1);
  await settled();
  await restart();
  clock.advance(10_000);
  await until(() => told.length === 2);
  for (const { id, data } of told) expect([id, data.reason]).toEqual([gap.id, 'not_recorded']);
});
