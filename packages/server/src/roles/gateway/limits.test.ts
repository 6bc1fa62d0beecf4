// The limits of the gateway over real sockets: headers, close codes, coalesced receipts, limits per address.

import { afterEach, expect, test } from 'bun:test';
import { once } from 'node:events';
import { connect as tcpConnect } from 'node:net';
import { ok } from '@hongyan/base/result';
import { refusal } from '@hongyan/protocol/refusals';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import type { Core } from '../../ports/core/core.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';
import { openTestGateway } from './testing/open-gateway.ts';

type Opened = Awaited<ReturnType<typeof openTestGateway>>;
type Steps = NonNullable<NonNullable<Parameters<typeof openTestGateway>[0]>['steps']>;
let opened: Opened | undefined;
const clients: WireClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await opened?.gateway.close();
  opened = undefined;
});

async function start(options?: Parameters<typeof openTestGateway>[0]): Promise<Opened> {
  opened = await openTestGateway(options);
  return opened;
}

async function device(url: string): Promise<WireClient> {
  const client = await WireClient.open({ url, token: 'ann', userId: 'ann', deviceId: 'phone' });
  clients.push(client);
  return client;
}

const quota = { name: 'free', size: 20, windowS: 2, remaining: 7 };
const refused = refusal.rateLimited({ retryAfterMs: 1200.5, quota: { ...quota, remaining: 0 } });
const limit = (isFull: (name: string) => boolean): Steps => ({
  limit: (name) => (isFull(name) ? refused : ok(quota)),
});
const authorization = { authorization: 'Bearer ann' };

test('[L2] over HTTP each answer reports the remaining quota, and a refusal when to retry', async () => {
  let isFull = false;
  const { url } = await start({ steps: limit(() => isFull) });
  const allowed = await fetch(`${url}/v1/me`, { headers: authorization });
  expect(allowed.status).toBe(200);
  expect(allowed.headers.get('ratelimit-policy')).toBe('"free";q=20;w=2');
  expect(allowed.headers.get('ratelimit')).toBe('"free";r=7;t=2');
  isFull = true;
  const late = await fetch(`${url}/v1/me`, { headers: authorization });
  expect(late.status).toBe(429);
  expect(late.headers.get('retry-after')).toBe('2');
  expect(late.headers.get('ratelimit')).toBe('"free";r=0;t=2');
  expect(await late.json()).toMatchObject({ status: 429, code: 'rate_limited', retry_after_ms: 1201 });
  const anonymous = await fetch(`${url}/v1/route`);
  expect([anonymous.status, anonymous.headers.get('ratelimit')]).toEqual([200, null]);
});

test('[L2] a frame beyond the rate is answered with the time to wait, and a client that does not wait is closed with 4101', async () => {
  const { url } = await start({ limits: { inFlightMax: 10 }, steps: limit((name) => name === 'sync') });
  const ann = await device(url);
  expect(await ann.request({ type: 'sync' })).toMatchObject({
    type: 'error',
    code: 'rate_limited',
    retry_after_ms: 1201,
  });
  for (let more = 0; more < 40; more++) void ann.request({ type: 'sync' });
  expect(await ann.closed).toMatchObject({ code: 4101 });
});

test('[L2] a hello beyond the rate closes with 4101 and the time to wait', async () => {
  const { url } = await start({ steps: limit((name) => name === 'hello') });
  const client = await WireClient.connect({ url, token: 'ann', userId: 'ann', deviceId: 'phone' });
  clients.push(client);
  client.raw('{"type":"hello","token":"ann","device_id":"phone"}');
  expect(await client.closed).toMatchObject({ code: 4101 });
  expect(client.frames).toMatchObject([{ code: 'rate_limited', retry_after_ms: 1201 }]);
});

test.each([
  ['one by one', (times: number) => Array.from({ length: times }, () => '{"type":"nothing"}')],
  ['as bundles', (times: number) => [`[${Array.from({ length: times }, () => '{}').join(',')}]`]],
  ['as texts that are no frames', (times: number) => Array.from({ length: times }, () => '{')],
])(
  '[L2] a flood of frames that cannot be understood, %s, is answered in part and then closed with 4101',
  async (_how, texts) => {
    const { url } = await start({ limits: { inFlightMax: 10 } });
    const ann = await device(url);
    for (const text of texts(15)) ann.raw(text);
    expect(await ann.request({ type: 'sync' })).toMatchObject({ type: 'sync_result' });
    expect(ann.frames).toHaveLength(15);
    for (const text of texts(400)) ann.raw(text);
    expect(await ann.closed).toMatchObject({ code: 4101 });
    expect(ann.frames.length).toBeLessThan(100);
  },
);

test('[L7] receipts beyond their rate are deferred, the newest of each conversation, and submitted when the rate allows', async () => {
  let isFull = true;
  let drawn = 0;
  const isReceipt = (name: string) => (name === 'read' || name === 'delivered') && ++drawn > 0;
  const { url, asked } = await start({ steps: limit((name) => isReceipt(name) && isFull) });
  const ann = await device(url);
  for (let seq = 1; seq <= 30; seq++) ann.receipt('read', seq % 2 ? 'g:1' : 'g:2', seq);
  ann.receipt('delivered', 'g:1', 99);
  ann.receipt('read', 'g:1', 3);
  expect(await ann.request({ type: 'sync' })).toMatchObject({ type: 'sync_result' });
  // While a receipt of a conversation is deferred, further ones draw nothing.
  expect(drawn).toBeLessThan(20);
  isFull = false;
  const receipts = () => asked.filter(({ name }) => name === 'read' || name === 'delivered');
  await until(() => receipts().length === 3);
  expect(receipts().map(({ name, input }) => [name, input])).toMatchObject([
    ['read', { conversation_id: 'g:1', seq: 29 }],
    ['read', { conversation_id: 'g:2', seq: 30 }],
    ['delivered', { conversation_id: 'g:1', seq: 99 }],
  ]);
  expect(ann.frames).toEqual([]);
});

test('[L7] typing beyond its rate is dropped, and a flood of it is closed', async () => {
  const { url, asked } = await start({ limits: { inFlightMax: 10 }, steps: limit((name) => name === 'typing') });
  const ann = await device(url);
  const type = (times: number) => {
    for (let more = 0; more < times; more++) ann.raw('{"type":"typing","conversation_id":"g:1"}');
  };
  type(15);
  expect(await ann.request({ type: 'sync' })).toMatchObject({ type: 'sync_result' });
  expect(asked.some(({ name }) => name === 'typing')).toBe(false);
  expect(ann.frames).toEqual([]);
  type(100);
  expect(await ann.closed).toMatchObject({ code: 4101 });
});

test('[L7] a flood of pings is answered in part and then closed', async () => {
  const { url } = await start({ limits: { inFlightMax: 10 } });
  const ann = await device(url);
  for (let more = 0; more < 400; more++) ann.raw('{"type":"ping"}');
  expect(await ann.closed).toMatchObject({ code: 4101 });
  expect(ann.frames.length).toBeLessThan(300);
});

const from = (address: string, more: Record<string, string> = {}) => ({
  headers: { 'x-forwarded-for': address, ...more },
});

test('[L5] requests without a token, and with a bad one, are bounded by address', async () => {
  const addresses = () => ({ connectionsMax: 0, handshakesPerS: 0, requestsPerS: 1 });
  const { url } = await start({ limits: { addresses } });
  const statuses = async (path: string, init?: RequestInit) => {
    const answers: number[] = [];
    for (let more = 0; more < 8; more++) answers.push((await fetch(url + path, init)).status);
    return answers.join(' ');
  };
  expect(await statuses('/v1/route', from('192.0.2.1'))).toStartWith('200 200 200 200 200 429');
  expect(await statuses('/v1/me', from('192.0.2.2'))).toStartWith('401 401 401 401 401 429');
  expect(await statuses('/v1/me', from('192.0.2.2', authorization))).toBe('200 200 200 200 200 200 200 200');
  // This machine.
  expect(await statuses('/v1/route')).toBe('200 200 200 200 200 200 200 200');
  const late = await fetch(`${url}/v1/route`, from('192.0.2.1'));
  expect(late.headers.get('ratelimit-policy')).toBe('"address";q=5;w=5');
});

test('[L5] bad signatures are limited by address, and good ones are not', async () => {
  const registerDevices: Core['registerDevices'] = async ({ signature }) =>
    signature === good ? ok({ accepted: 1, refused: [] }) : refusal.badSignature();
  const good = 'a'.repeat(64);
  const addresses = () => ({ connectionsMax: 0, handshakesPerS: 0, requestsPerS: 1 });
  const { url } = await start({ limits: { addresses }, core: { registerDevices } });
  const register = async (address: string, signature: string, body = '{"devices":[{}]}') => {
    const headers = { 'hongyan-key-id': 'key', 'hongyan-timestamp': '1', 'hongyan-signature': signature };
    return (await fetch(`${url}/v1/devices/register/batch`, { method: 'POST', body, ...from(address, headers) }))
      .status;
  };
  const statuses = async (...asked: Parameters<typeof register>) => {
    const answers: number[] = [];
    for (let more = 0; more < 8; more++) answers.push(await register(...asked));
    return answers.join(' ');
  };
  expect(await statuses('192.0.2.1', 'b'.repeat(64))).toStartWith('401 401 401 401 401 429');
  expect(await statuses('192.0.2.2', 'b'.repeat(64), 'no JSON')).toStartWith('400 400 400 400 400 429');
  expect(await statuses('192.0.2.3', good)).toBe('202 202 202 202 202 202 202 202');
  expect(await statuses('192.0.2.3', 'b'.repeat(64))).toStartWith('401 401 401 401 401 429');
});

test('[L5] signed requests that are cut off are bounded by address too', async () => {
  const addresses = () => ({ connectionsMax: 0, handshakesPerS: 0, requestsPerS: 0.001 });
  const outcomes: string[] = [];
  const steps: Steps = { measure: (_name, outcome) => outcomes.push(outcome) };
  const { url, gateway } = await start({ limits: { addresses }, steps });
  for (let times = 1; times <= 2; times++) {
    const socket = tcpConnect(Number(new URL(url).port), '127.0.0.1');
    socket.write(
      'POST /v1/devices/register HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 100\r\n' +
        `Hongyan-Key-Id: key\r\nHongyan-Timestamp: 1\r\nHongyan-Signature: ${'b'.repeat(64)}\r\n\r\n{`,
    );
    await until(() => gateway.pendingRequestCount === 1);
    socket.destroy();
    await until(() => outcomes.length === times);
  }
  expect(outcomes.join(' ')).toBe('bad_request rate_limited');
});

test('[L5] bodies of an address that are being read are bounded, and the end of one makes room', async () => {
  const addresses = () => ({ connectionsMax: 2, handshakesPerS: 0, requestsPerS: 0 });
  const { url, gateway } = await start({ limits: { addresses } });
  const begin = () => {
    const socket = tcpConnect(Number(new URL(url).port), '127.0.0.1');
    socket.write(
      'POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 100\r\n\r\n{',
    );
    return socket;
  };
  const login = async (address: string) => {
    const body = JSON.stringify({ user_id: 'ann', password: 'long enough' });
    return (await fetch(`${url}/v1/auth/login`, { method: 'POST', body, ...from(address) })).status;
  };
  const [first, second] = [begin(), begin()];
  await until(() => gateway.pendingRequestCount === 2);
  expect([await login('192.0.2.1'), await login('192.0.2.2')]).toEqual([429, 200]);
  expect((await fetch(`${url}/v1/route`, from('192.0.2.1'))).status).toBe(200);
  first.destroy();
  await until(async () => (await login('192.0.2.1')) === 200);
  second.destroy();
});

async function upgrade(url: string, address: string): Promise<number> {
  const headers = {
    ...from(address).headers,
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  return (await fetch(`${url}/v1/ws`, { headers })).status;
}

test('[L5] handshakes and open connections of an address are bounded, and one that closes makes room', async () => {
  const addresses = () => ({ connectionsMax: 2, handshakesPerS: 1, requestsPerS: 0 });
  const { url, gateway } = await start({ limits: { addresses } });
  const socketFrom = (address: string) =>
    new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, { headers: { 'x-forwarded-for': address } } as never);
  const sockets = [socketFrom('192.0.2.1'), socketFrom('192.0.2.1')];
  await until(() => gateway.connectionCount === 2);
  expect(await upgrade(url, '192.0.2.1')).toBe(429);
  sockets[0]?.close();
  await until(() => gateway.connectionCount === 1);
  const third = socketFrom('192.0.2.1');
  await until(() => gateway.connectionCount === 2);
  for (const socket of [...sockets, third]) socket.close();
  await until(() => gateway.connectionCount === 0);
  // Ten at once, of which three are used.
  for (let more = 0; more < 7; more++) {
    const socket = socketFrom('192.0.2.1');
    await until(() => gateway.connectionCount === 1);
    socket.close();
    await until(() => gateway.connectionCount === 0);
  }
  await until(async () => (await upgrade(url, '192.0.2.1')) === 429);
});

test('[L5] handshakes of an address that wait together for the rate limit get no more connections than one by one', async () => {
  const addresses = () => ({ connectionsMax: 2, handshakesPerS: 100, requestsPerS: 0 });
  const decided = Promise.withResolvers<void>();
  let waiting = 0;
  const rateLimiter: RateLimiter = {
    draw: async () => {
      waiting++;
      await decided.promise;
      return { type: 'taken', remaining: 1, fullInMs: 0 };
    },
  };
  const { url, gateway } = await start({ limits: { addresses }, rateLimiter });
  const sockets = Array.from({ length: 6 }, () => tcpConnect(Number(new URL(url).port), '127.0.0.1'));
  const answers = sockets.map(async (socket) => {
    socket.write(
      'GET /v1/ws HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString().split(' ')[1];
  });
  await until(() => waiting === 6);
  decided.resolve();
  expect((await Promise.all(answers)).toSorted()).toEqual(['101', '101', '429', '429', '429', '429']);
  expect(gateway.connectionCount).toBe(2);
  for (const socket of sockets) socket.destroy();
});

test('[L5][B3] changed limits per address apply to the next connection and request, and close no connection', async () => {
  let bounds = { connectionsMax: 1, handshakesPerS: 0, requestsPerS: 0 };
  const { url, gateway } = await start({ limits: { addresses: () => bounds } });
  const address = '192.0.2.1';
  const open = () => new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, from(address) as never);
  const asked = async () => (await fetch(`${url}/v1/route`, from(address))).status;
  const sockets = [open()];
  await until(() => gateway.connectionCount === 1);
  expect([await upgrade(url, address), await asked(), await asked()]).toEqual([429, 200, 200]);
  bounds = { connectionsMax: 2, handshakesPerS: 0, requestsPerS: 0.001 };
  sockets.push(open());
  await until(() => gateway.connectionCount === 2);
  expect([await asked(), await asked()]).toEqual([200, 429]);
  bounds = { connectionsMax: 1, handshakesPerS: 0, requestsPerS: 0 };
  expect([await upgrade(url, address), await asked()]).toEqual([429, 200]);
  expect(gateway.connectionCount).toBe(2);
  for (const socket of sockets) socket.close();
});
