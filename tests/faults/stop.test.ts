// A graceful stop under load: everyone is told to come back, what was acknowledged stands, and the process leaves with 0.

import { afterAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { askOutcome, call, openDirect, signUp } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, spawnServer, startServer } from '../server-process.ts';
import { check } from './checker.ts';
import { Crowd } from './crowd.ts';

const random = createRandom(testSeed('stop'));
const rounds = 5;

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('[D1][D2][D3][D4] stops under load lose nothing, and say so to every connection', async () => {
  const dataDir = await dataFolder('stop');
  let server = await startServer({ dataDir });
  const { url, port } = server;
  const eve = await signUp(url, 'eve');
  const crowd = await Crowd.gather({ url, name: 'stop', random });
  await crowd.connect();
  for (let round = 0; round < rounds; round++) {
    const witness = await WireClient.open({ url, token: eve.token, userId: 'eve', deviceId: 'witness' });
    const told = witness.next(({ type }) => type === 'going_away');
    const load = crowd.load(2000);
    await Bun.sleep(random() * 200);
    expect(await server.stop()).toBe(0);
    expect(Number((await told).reconnect_after_ms)).toBeGreaterThan(0);
    expect((await witness.closed).code).toBe(4000);
    await load;
    server = await startServer({ dataDir, port });
    crowd.events.push({ type: 'restarted' });
    await crowd.connect();
    await crowd.settle();
    expect(check(crowd.events, await crowd.aftermath()).slice(0, 3)).toEqual([]);
  }
}, 60_000);

for (const args of [[], ['--gateways', '2']]) {
  test(`SIGHUP, which a closing terminal sends, drains like SIGTERM, ${args.join(' ') || 'one process'}`, async () => {
    const server = await startServer({ dataDir: await dataFolder('hang-up'), args });
    const eve = await signUp(server.url, 'eve');
    const witness = await WireClient.open({ url: server.url, token: eve.token, userId: 'eve', deviceId: 'witness' });
    const goingAway = witness.next(({ type }) => type === 'going_away');
    for (let times = 0; times < 3; times++) process.kill(server.pid, 'SIGHUP');
    expect(Number((await goingAway).reconnect_after_ms)).toBeGreaterThan(0);
    expect((await witness.closed).code).toBe(4000);
    expect(await server.left()).toBe(0);
  }, 30_000);
}

test('a collector of spans that is away makes no stop a failure', async () => {
  const args = ['--trace-url', 'http://127.0.0.1:1/v1/traces', '--trace-one-in', '1'];
  const server = await startServer({ dataDir: await dataFolder('traced'), args });
  await signUp(server.url, 'ann');
  expect(await server.stop()).toBe(0);
  expect(server.output()).toContain('failed to send the last spans');
});

test('a start that a signal ends has not failed, also where its gateway processes had the signal first', async () => {
  const server = spawnServer({ dataDir: await dataFolder('given-up'), args: ['--gateways', '2'] });
  const childOf = () => readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(' ')[0];
  await until(() => childOf() !== '' || !server.isAlive());
  process.kill(server.pid, 'SIGINT');
  process.kill(Number(childOf()), 'SIGKILL');
  expect(await server.left()).toBe(0);
});

for (const args of [[], ['--gateways', '2']]) {
  test(`[O27] a server whose store is taken over leaves at once, whatever its drain, ${args.join(' ') || 'one process'}`, async () => {
    const dataDir = await dataFolder('hand-over');
    const server = await startServer({
      dataDir,
      args: [...args, '--drain-seconds', '600', '--drain-delay-seconds', '600'],
    });
    const eve = await signUp(server.url, 'eve');
    const witness = await WireClient.open({ url: server.url, token: eve.token, userId: 'eve', deviceId: 'witness' });
    const goingAway = witness.next(({ type }) => type === 'going_away');
    expect((await askOperator(dataDir, 'POST', '/admin/v1/hand-over')).status).toBe(204);
    expect(Number((await goingAway).reconnect_after_ms)).toBeLessThanOrEqual(250);
    expect(await server.left()).toBe(0);
  }, 30_000);
}

test('under nohup SIGHUP is ignored, as it is without a listener', async () => {
  const server = await startServer({ dataDir: await dataFolder('nohup'), wrapper: ['nohup'] });
  process.kill(server.pid, 'SIGHUP');
  const eve = await signUp(server.url, 'eve');
  expect((await call(server.url, '/v1/me', { token: eve.token })).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

test('[D6] what reached a server that stops is answered, over HTTP and over sockets: stored, or refused and not stored', async () => {
  const dataDir = await dataFolder('stop-answers');
  let server = await startServer({ dataDir });
  const { url, port } = server;
  const ann = await signUp(url, 'ann');
  const conversationId = await openDirect(url, ann, 'ann');
  const content = { type: 'text', text: 'x'.repeat(2_000) };
  const outcomes = new Map<string, string>();
  const device = await WireClient.open({ url, token: ann.token, userId: 'ann', deviceId: 'phone' });
  let isClosed = false;
  void device.closed.then(() => {
    isClosed = true;
  });
  const overHttp = async (line: number): Promise<void> => {
    for (let no = 0; ; no++) {
      const clientMsgId = `http ${line} ${no}`;
      const body = { conversation_id: conversationId, client_msg_id: clientMsgId, content };
      const { status } = await call(url, '/v1/messages', { method: 'POST', token: ann.token, body });
      outcomes.set(clientMsgId, String(status));
      if (status !== 201) return;
    }
  };
  const overSocket = async (line: number): Promise<void> => {
    for (let no = 0; !isClosed; no++) {
      const clientMsgId = `socket ${line} ${no}`;
      const outcome = await device.send({ conversationId, clientMsgId, content });
      if (outcome.type === 'unknown' && isClosed) return;
      outcomes.set(clientMsgId, outcome.type === 'refused' ? outcome.code : outcome.type);
    }
  };
  const lines = Array.from({ length: 10 }, (_, line) => [overHttp(line), overSocket(line)]).flat();
  await Bun.sleep(100 + random() * 100);
  expect(await server.stop()).toBe(0);
  const ends = await Promise.allSettled(lines);
  expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
  expect(
    [...new Set(outcomes.values())].filter((one) => !['201', '503', 'acked', 'unavailable'].includes(one)),
  ).toEqual([]);
  server = await startServer({ dataDir, port });
  for (const [clientMsgId, outcome] of outcomes) {
    if (outcome === '201' || outcome === 'acked') continue;
    expect([clientMsgId, (await askOutcome(url, ann, clientMsgId)).found]).toEqual([clientMsgId, undefined]);
  }
  await server.stop();
}, 30_000);
