// Connections that end badly: in the middle of a handshake, of a frame, of a request; or that never end and never speak.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdir } from 'node:fs/promises';
import { type Account, call, createGroup, readFully, signUp } from '@hongyan/testing/http-client';
import { encodeFrame, opcode, RawSocket } from '@hongyan/testing/raw-socket';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';

const heartbeatMs = 300;
let server: ServerProcess;
let ann: Account;
let bob: Account;
let group: string;
/** Stays connected throughout: the others' trouble must not be its own. */
let witness: WireClient;

beforeAll(async () => {
  const args = ['--heartbeat-ms', String(heartbeatMs), '--hello-timeout-ms', '500'];
  server = await startServer({ dataDir: await dataFolder('cut'), args });
  ann = await signUp(server.url, 'ann');
  bob = await signUp(server.url, 'bob');
  group = await createGroup(server.url, bob, ['ann']);
  witness = await WireClient.open({ url: server.url, token: bob.token, userId: 'bob', deviceId: 'witness' });
}, 30_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

async function hello(deviceId: string): Promise<RawSocket> {
  const raw = await RawSocket.open(server.url);
  raw.text(JSON.stringify({ type: 'hello', token: ann.token, device_id: deviceId }));
  await raw.nextOfType('welcome');
  return raw;
}

const sendFrame = (clientMsgId: string) => ({
  type: 'send',
  id: 1,
  conversation_id: group,
  client_msg_id: clientMsgId,
  content: { type: 'text', text: '鸿雁 '.repeat(200) },
});
const encoded = (clientMsgId: string) => encodeFrame(opcode.text, JSON.stringify(sendFrame(clientMsgId)));
const storedKeys = async () => (await readFully(server.url, bob, group)).entries.map((entry) => entry.client_msg_id);

/** Resolves when the witness is told that ann is gone: the server has freed the session. */
async function untilOffline(): Promise<void> {
  const isGone = ({ type, user_id, online }: { type: string; user_id?: unknown; online?: unknown }) =>
    type === 'presence' && user_id === 'ann' && online === false;
  const told = witness.next(isGone);
  const answer = await witness.request({ type: 'presence', user_ids: ['ann'] });
  const users = (answer?.users ?? []) as { online: boolean }[];
  if (users[0]?.online !== false) await told;
  else told.catch(() => 'not needed: ann was gone already');
}

test('[D2] a frame cut in the middle leaves nothing behind, wherever it is cut', async () => {
  const random = createRandom(testSeed('cut'));
  const bytes = encoded('cut');
  for (let round = 0; round < 30; round++) {
    const raw = await hello(`cut-${round}`);
    raw.write(bytes.subarray(0, Math.floor(random() * bytes.length)));
    raw.cut();
  }
  await untilOffline();
  expect(await storedKeys()).not.toContain('cut');
  expect(await witness.ping()).toBe(true);
});

test('[D3] a connection cut between send and ack: the message is there once, whatever is sent again', async () => {
  const keys = Array.from({ length: 20 }, (_, index) => `lost-ack-${index}`);
  for (const key of keys) {
    const raw = await hello('cutter');
    raw.write(encoded(key));
    raw.cut();
  }
  const wire = await WireClient.open({ url: server.url, token: ann.token, userId: 'ann', deviceId: 'again' });
  for (const key of keys) {
    const { conversation_id: conversationId, content } = sendFrame(key);
    expect((await wire.send({ conversationId, clientMsgId: key, content })).type).toBe('acked');
  }
  const stored = await storedKeys();
  for (const key of keys) expect(stored.filter((other) => other === key)).toEqual([key]);
  await wire.close();
});

test('a frame that arrives byte by byte, or in fragments with a ping between, is a frame', async () => {
  const raw = await hello('dribble');
  for (const byte of encoded('dribbled')) raw.write(Uint8Array.of(byte));
  expect((await raw.nextOfType('ack')).client_msg_id).toBe('dribbled');
  const body = Buffer.from(JSON.stringify(sendFrame('fragmented')));
  const first = encodeFrame(opcode.text, body.subarray(0, 50));
  first.writeUInt8(opcode.text, 0);
  raw.write(first);
  raw.write(encodeFrame(opcode.ping, 'still here'));
  raw.write(encodeFrame(0, body.subarray(50)));
  expect((await raw.nextOfType('ack')).client_msg_id).toBe('fragmented');
  raw.cut();
});

test('half a frame and then silence: the connection is freed after two heartbeats', async () => {
  const raw = await hello('half');
  raw.write(encoded('half').subarray(0, 40));
  raw.pause();
  await untilOffline();
  raw.resume();
  await raw.closed;
  expect(await storedKeys()).not.toContain('half');
});

test('half-open: a peer that neither reads nor answers is freed, and the others are served meanwhile', async () => {
  const raw = await hello('half-open');
  raw.pause();
  const gone = untilOffline();
  expect(await witness.ping()).toBe(true);
  await gone;
  raw.resume();
  await raw.closed;
});

test('a peer that answers pings is not idle', async () => {
  const raw = await hello('quiet');
  let pings = 0;
  while (pings < 4) {
    const { opcode: kind, payload } = await raw.nextFrame();
    if (kind !== opcode.ping) continue;
    pings++;
    raw.write(encodeFrame(10, payload));
  }
  expect(raw.isClosed).toBe(false);
  raw.cut();
});

test('sockets that stop half way through a handshake or a request hold nobody up, and are let go', async () => {
  const before = await openFiles();
  const beginnings = [
    '',
    'GET',
    'GET /v1/ws HTTP/1.1\r\nHost: x\r\n',
    'POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"to":',
    '\u0000\u0001\u0002\r\n\r\n',
  ];
  const sockets: RawSocket[] = [];
  for (let round = 0; round < 20; round++) {
    for (const beginning of beginnings) {
      const raw = await RawSocket.connect(server.url);
      if (beginning !== '') raw.write(beginning);
      sockets.push(raw);
    }
  }
  expect((await call(server.url, '/readyz')).status).toBe(200);
  expect(await witness.ping()).toBe(true);
  for (const raw of sockets) raw.cut();
  await untilFewerFiles(before + 5);
});

test('hundreds of connections cut without a goodbye leave no open file behind', async () => {
  await untilOffline();
  const before = await openFiles();
  for (let round = 0; round < 4; round++) {
    const sockets = await Promise.all(Array.from({ length: 50 }, (_, index) => hello(`many-${index}`)));
    for (const raw of sockets) raw.cut();
  }
  await untilOffline();
  await untilFewerFiles(before + 5);
  expect(server.isAlive()).toBe(true);
  expect(server.output()).not.toContain('"error"');
});

const openFiles = async () => (await readdir(`/proc/${server.pid}/fd`)).length;

/** Polls: nothing outside the process tells when it closed a file. */
async function untilFewerFiles(countMax: number): Promise<void> {
  const deadline = performance.now() + 15_000;
  while ((await openFiles()) > countMax) {
    if (performance.now() > deadline) throw new Error(`${await openFiles()} files are open, expected ${countMax}`);
    await Bun.sleep(50);
  }
}
