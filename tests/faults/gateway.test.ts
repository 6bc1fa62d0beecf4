// Several gateway processes: one is killed under load, a device moves from one to another, the core stands still or is gone.

import { afterAll, afterEach, expect, test } from 'bun:test';
import { readdir } from 'node:fs/promises';
import { type Account, askOutcome, createGroup, openDirect, signUp } from '@hongyan/testing/http-client';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { check } from './checker.ts';
import { Crowd } from './crowd.ts';

const random = createRandom(testSeed('gateway'));
const boundMs = 10_000;
const rounds = 6;

afterEach(killServers);
afterAll(removeDataFolders);

const start = async (gateways: number, ...args: readonly string[]) =>
  startServer({ dataDir: await dataFolder('gateways'), args: ['--gateways', String(gateways), ...args] });

test(`[D1][D2][D3][D4][D7] ${rounds} kills of a gateway under load lose, double and reorder nothing`, async () => {
  const server = await start(3);
  const crowd = await Crowd.gather({ url: server.url, name: 'gw', random });
  await crowd.connect();
  for (let round = 0; round < rounds; round++) {
    const load = crowd.load(150);
    await Bun.sleep(random() * 150);
    const gateways = await gatewaysOf(server);
    const [killed] = [...gateways.values()].slice(Math.floor(random() * gateways.size));
    if (killed === undefined) throw new Error('there is a gateway to kill');
    process.kill(killed, 'SIGKILL');
    await load;
    await until(async () => !(await isAlive(killed)), { what: 'the killed gateway is gone' });
    // The others accept at once; whoever was on the killed one comes back and catches up.
    await crowd.connect();
    await crowd.settle();
    expect(crowd.openCount).toBe(0);
    expect(check(crowd.events, await crowd.aftermath()).slice(0, 3)).toEqual([]);
    await until(async () => (await gatewaysOf(server)).size === 3, { what: 'a new gateway takes its place' });
  }
  await crowd.leave();
  expect(await server.stop()).toBe(0);
  expect(server.output()).toContain('gateway process died');
}, 120_000);

test('when a gateway dies its users go offline for those on another, and its place is taken again', async () => {
  const server = await start(2);
  const [ann, bob] = [await signUp(server.url, 'ann'), await signUp(server.url, 'bob')];
  const watcher = await openOn('gateway-1', server.url, ann, 'watch');
  const watched = await openOn('gateway-2', server.url, bob, 'phone');
  const before = await watcher.request({ type: 'presence', user_ids: ['bob'] });
  expect(before?.users).toMatchObject([{ user_id: 'bob', online: true }]);
  const killed = (await gatewaysOf(server)).get('gateway-2');
  if (killed === undefined) throw new Error('gateway-2 runs');
  process.kill(killed, 'SIGKILL');
  expect(await watcher.next(({ type }) => type === 'presence')).toMatchObject({ user_id: 'bob', online: false });
  await watched.closed;
  const again = await openOn('gateway-2', server.url, bob, 'phone');
  expect(await watcher.next(({ type }) => type === 'presence')).toMatchObject({ user_id: 'bob', online: true });
  expect((await gatewaysOf(server)).get('gateway-2')).not.toBe(killed);
  await Promise.all([watcher.close(), again.close()]);
  expect(await server.stop()).toBe(0);
}, 30_000);

test('[D8] a gateway that hangs is ended: its users go offline for the others, and another takes its place', async () => {
  const server = await start(2, '--link-timeout-ms', '300');
  const [ann, bob] = [await signUp(server.url, 'ann'), await signUp(server.url, 'bob')];
  const watcher = await openOn('gateway-1', server.url, ann, 'watch');
  const watched = await openOn('gateway-2', server.url, bob, 'phone');
  await watcher.request({ type: 'presence', user_ids: ['bob'] });
  const hanging = (await gatewaysOf(server)).get('gateway-2');
  if (hanging === undefined) throw new Error('gateway-2 runs');
  process.kill(hanging, 'SIGSTOP');
  expect(await watcher.next(({ type }) => type === 'presence')).toMatchObject({ user_id: 'bob', online: false });
  await watched.closed;
  await until(async () => ![undefined, hanging].includes((await gatewaysOf(server)).get('gateway-2')), {
    what: 'another runs',
  });
  const again = await openOn('gateway-2', server.url, bob, 'phone');
  await Promise.all([watcher.close(), again.close()]);
  expect(await server.stop()).toBe(0);
  expect(server.output()).toContain('gateway process hangs');
}, 30_000);

test('a message, a receipt and a group go from one gateway to another, and a device moves with 4203', async () => {
  const server = await start(2);
  const [ann, bob] = [await signUp(server.url, 'ann'), await signUp(server.url, 'bob')];
  const direct = await openDirect(server.url, ann, 'bob');
  const group = await createGroup(server.url, ann, ['bob']);
  const sender = await openOn('gateway-1', server.url, ann, 'a');
  const receiver = await openOn('gateway-2', server.url, bob, 'b');
  for (const conversationId of [direct, group]) {
    const outcome = await sender.send({ conversationId, clientMsgId: conversationId, content: { type: 'x' } });
    if (outcome.type !== 'acked') throw new Error(`a send became ${JSON.stringify(outcome)}`);
    const frame = await receiver.next(({ type, seq }) => type === 'message' && seq === outcome.seq);
    expect(frame).toMatchObject({ conversation_id: conversationId, client_msg_id: conversationId });
    receiver.receipt('read', conversationId, outcome.seq);
    const told = ({ type, conversation_id: id }: { type: string; conversation_id?: unknown }) =>
      type === 'receipt' && id === conversationId;
    expect(await sender.next(told)).toMatchObject({ user_id: 'bob', read_seq: outcome.seq });
  }
  const moved = await openOn('gateway-1', server.url, bob, 'b');
  expect((await receiver.closed).code).toBe(4203);
  expect(await moved.ping()).toBe(true);
  const where = await moved.request({ type: 'presence', user_ids: ['bob'] });
  expect(where?.users).toMatchObject([{ online: true }]);
  await Promise.all([sender.close(), moved.close()]);
}, 30_000);

test('[D6] while the core stands still, questions are unavailable and sends unknown; then all goes on and nothing is lost', async () => {
  const server = await start(2, '--link-timeout-ms', '2000');
  const ann = await signUp(server.url, 'ann');
  const note = await openDirect(server.url, ann, 'ann');
  const device = await openOn('gateway-1', server.url, ann, 'a');
  process.kill(server.pid, 'SIGSTOP');
  const [sent, asked] = await Promise.all([
    device.request({ type: 'send', conversation_id: note, client_msg_id: 'k', content: { type: 'x' } }),
    device.request({ type: 'history', conversation_id: note }),
  ]);
  process.kill(server.pid, 'SIGCONT');
  expect(sent).toMatchObject({ type: 'error', code: 'unknown_outcome' });
  expect(asked).toMatchObject({ type: 'error', code: 'unavailable' });
  await until(async () => (await askOutcome(server.url, ann, 'k')).found !== undefined, {
    what: 'the send is committed',
  });
  const again = await device.request({
    type: 'send',
    conversation_id: note,
    client_msg_id: 'k',
    content: { type: 'x' },
  });
  expect(again).toMatchObject({ type: 'ack', seq: 1, duplicate: true });
  await device.close();
}, 30_000);

test('[A13] a gateway that stood still while a token was revoked closes its connections when it goes on, and lets nobody in', async () => {
  const server = await start(2, '--link-timeout-ms', '4000');
  const [ann, bob] = [await signUp(server.url, 'ann'), await signUp(server.url, 'bob')];
  const [still, own] = [
    await openOn('gateway-2', server.url, ann, 'still'),
    await openOn('gateway-2', server.url, bob, 'other'),
  ];
  const asker = await openOn('gateway-1', server.url, ann, 'asker');
  const pid = (await gatewaysOf(server)).get('gateway-2');
  if (pid === undefined) throw new Error('gateway-2 runs');
  process.kill(pid, 'SIGSTOP');
  // Connections that the kernel gives to the one that stands still are not answered: asked again until the other one has it.
  await until(async () => {
    const headers = { authorization: `Bearer ${ann.token}` };
    const signal = AbortSignal.timeout(300);
    const answer = await fetch(`${server.url}/v1/auth/logout`, { method: 'POST', headers, signal }).catch(
      () => undefined,
    );
    await answer?.text();
    return answer?.status === 204 || answer?.status === 401;
  });
  expect((await asker.closed).code).toBe(4201);
  process.kill(pid, 'SIGCONT');
  expect((await still.closed).code).toBe(4201);
  expect(await own.ping()).toBe(true);
  for (let turn = 0; turn < 8; turn++) {
    const answer = await fetch(`${server.url}/v1/me`, { headers: { authorization: `Bearer ${ann.token}` } });
    expect(await answer.json()).toMatchObject({ code: 'token_revoked' });
  }
  await own.close();
}, 60_000);

test('killed or stopped, the core takes its gateways along', async () => {
  const server = await start(2);
  const killed = [...(await gatewaysOf(server)).values()];
  expect(killed).toHaveLength(2);
  await server.kill();
  for (const pid of killed) await until(async () => !(await isAlive(pid)), { what: 'a gateway leaves after its core' });
  const next = await startServer({ dataDir: server.dataDir, port: server.port, args: ['--gateways', '2'] });
  const ann = await signUp(next.url, 'ann');
  const device = await openOn('gateway-2', next.url, ann, 'a');
  const told = device.next(({ type }) => type === 'going_away');
  const stopped = [...(await gatewaysOf(next)).values()];
  expect(await next.stop()).toBe(0);
  expect(Number((await told).reconnect_after_ms)).toBeGreaterThan(0);
  expect((await device.closed).code).toBe(4000);
  for (const pid of stopped) expect(await isAlive(pid)).toBe(false);
}, 30_000);

test('a stop that reaches the core and its gateways at once, as Ctrl-C does, is the same stop', async () => {
  const server = await start(2);
  await until(async () => server.output().includes('"started"'), { what: 'all gateways are ready' });
  const gateways = [...(await gatewaysOf(server)).values()];
  for (const pid of gateways) process.kill(pid, 'SIGINT');
  expect(await server.stop()).toBe(0);
  for (const pid of gateways) expect(await isAlive(pid)).toBe(false);
  expect(server.output()).toContain('"stopped"');
});

/** Node name → process. */
async function gatewaysOf({ pid }: ServerProcess): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const children = await readProc(`/proc/${pid}/task/${task}/children`);
    for (const child of children.split(' ').filter(Boolean)) {
      const command = (await readProc(`/proc/${child}/cmdline`)).split('\0');
      const node = command[command.indexOf('gateway-process') + 1];
      if (command.includes('gateway-process') && node !== undefined) found.set(node, Number(child));
    }
  }
  return found;
}

/** Until its last thread is gone: before that its sockets may still be open and take connections that nobody serves. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readProc(`/proc/${pid}/stat`);
  if (stat === '') return false;
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  return threads.length > 1 || !/\) [ZX] /.test(stat);
}

/** Empty when the process is gone. */
const readProc = (path: string): Promise<string> =>
  Bun.file(path)
    .text()
    .catch(() => '');

/** The kernel picks the gateway of a connection: as often as needed until it is the wanted one. */
async function openOn(node: string, url: string, { token, userId }: Account, deviceId: string): Promise<WireClient> {
  for (const deadline = performance.now() + boundMs; performance.now() < deadline; ) {
    const client = await WireClient.connect({ url, token, userId, deviceId }).catch(() => undefined);
    if (!client) continue;
    client.raw(JSON.stringify({ type: 'hello', token, device_id: deviceId }));
    const welcome = await client.next(({ type }) => type === 'welcome').catch(() => undefined);
    if (welcome?.node === node) return client;
    await client.close();
  }
  throw new Error(`no connection came to ${node} within ${boundMs} ms`);
}
