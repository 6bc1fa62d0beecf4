// The gateway as a whole, over real sockets on a loopback port, in front of a fake core.

import { afterEach, expect, test } from 'bun:test';
import { once } from 'node:events';
import { connect as tcpConnect } from 'node:net';
import { createLog } from '@hongyan/base/log';
import { refusal } from '@hongyan/protocol/refusals';
import { RawSocket } from '@hongyan/testing/raw-socket';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import { openTestGateway } from './testing/open-gateway.ts';

type Opened = Awaited<ReturnType<typeof openTestGateway>>;
let opened: Opened | undefined;
afterEach(async () => {
  await opened?.gateway.close();
  opened = undefined;
});

async function start(options?: Parameters<typeof openTestGateway>[0]): Promise<Opened> {
  opened = await openTestGateway(options);
  return opened;
}
const authorization = { authorization: 'Bearer ann' };
const send = (content: unknown) => JSON.stringify({ to: 'bob', client_msg_id: 'k', content });
const post = (url: string, body: BodyInit, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/messages`, { method: 'POST', body, headers: { ...authorization, ...headers } });

test('every answer below /v1 can be read from another origin, retry-after included', async () => {
  const { url } = await start();
  const answers = {
    200: await fetch(`${url}/v1/me`, { headers: authorization }),
    201: await post(url, send({ type: 'x' })),
    204: await fetch(`${url}/v1/conversations/g:1/members/bob`, { method: 'PUT', headers: authorization }),
    400: await post(url, '{'),
    401: await fetch(`${url}/v1/me`),
    404: await fetch(`${url}/v1/nothing`),
    405: await fetch(`${url}/v1/me`, { method: 'DELETE' }),
    413: await post(url, 'x'.repeat(5000)),
  };
  for (const [status, { headers, status: got }] of Object.entries(answers)) {
    expect([got, headers.get('access-control-allow-origin')]).toEqual([Number(status), '*']);
    expect(headers.get('access-control-expose-headers')).toBe('retry-after, ratelimit, ratelimit-policy');
  }
  for (const path of ['/v1/me', '/v1/nothing']) {
    const { status, headers } = await fetch(url + path, { method: 'OPTIONS' });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  }
});

test('a method that an address does not accept is answered with the methods that it accepts', async () => {
  const { url } = await start();
  const allowed = async (path: string, method: string) => {
    const { status, headers } = await fetch(url + path, { method });
    return [status, headers.get('allow')];
  };
  expect(await allowed('/v1/me', 'POST')).toEqual([405, 'GET, HEAD, OPTIONS']);
  expect(await allowed('/v1/conversations/g:1', 'PUT')).toEqual([405, 'GET, PATCH, HEAD, OPTIONS']);
  expect(await allowed('/v1/messages', 'GET')).toEqual([405, 'POST, OPTIONS']);
  const head = await fetch(`${url}/v1/me`, { method: 'HEAD', headers: authorization });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a body beyond the bound of its operation is refused, of declared length or in chunks', async () => {
  const { url, asked } = await start();
  expect((await post(url, send({ type: 'x', text: 'x'.repeat(3900) }))).status).toBe(201);
  const login = (body: BodyInit) => fetch(`${url}/v1/auth/login`, { method: 'POST', body });
  expect((await login('x'.repeat(8193))).status).toBe(413);
  const chunk = new TextEncoder().encode('x'.repeat(1000));
  let produced = 0;
  const endless = new ReadableStream({
    pull(controller) {
      produced++;
      if (produced > 10_000) controller.close();
      else controller.enqueue(chunk);
    },
  });
  expect((await post(url, endless).catch(() => ({ status: 413 }))).status).toBe(413);
  expect(asked).toHaveLength(1);
});

test.each<[string, BodyInit, Record<string, string>]>([
  ['a charset other than UTF-8', send({ type: 'x' }), { 'content-type': 'application/json; charset=iso-8859-1' }],
  [
    'bytes that are not UTF-8',
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    {},
  ],
  ['a number that would be changed', send({ type: 'x' }).replace('"x"', '"x","n":9007199254740993'), {}],
  ['a number that is not finite', send({ type: 'x' }).replace('"x"', '"x","n":1e400'), {}],
  ['nesting too deep', send({ type: 'x', a: JSON.parse('['.repeat(60) + ']'.repeat(60)) }), {}],
  ['a list', '[]', {}],
  ['nothing', '', {}],
])('%s in a body is a bad_request, and reaches no core', async (_name, body, headers) => {
  const { url, asked } = await start();
  const answer = await post(url, body, headers);
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'bad_request']);
  expect(asked).toEqual([]);
});

test.each(['Content-Length: 100', 'Transfer-Encoding: chunked'])(
  'a client that leaves in the middle of a body, %s, is no fault of the server',
  async (length) => {
    const lines: string[] = [];
    const outcomes: string[] = [];
    const { url, gateway } = await start({
      log: createLog({ level: 'error', write: (line) => lines.push(line) }),
      steps: { measure: (_name, outcome) => outcomes.push(outcome) },
    });
    const socket = tcpConnect(Number(new URL(url).port), '127.0.0.1');
    socket.write(
      `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\n${length}\r\n\r\n5\r\n{"to"\r\n`,
    );
    await until(() => gateway.pendingRequestCount === 1);
    socket.destroy();
    await until(() => outcomes.length === 1);
    expect([outcomes, lines]).toEqual([['bad_request'], []]);
  },
);

test('UTF-8 by any of its names is accepted, and a path keeps its characters or is refused', async () => {
  const { url, asked } = await start();
  const headers = { 'content-type': 'application/json;charset="UTF-8"' };
  expect((await post(url, send({ type: 'x', text: '鸿雁' }), headers)).status).toBe(201);
  expect(asked[0]?.input).toMatchObject({ content: { text: '鸿雁' } });
  const find = (key: string) => fetch(`${url}/v1/messages/by-client-id/${key}`, { headers: authorization });
  expect((await find(encodeURIComponent('鸿 %'))).status).toBe(200);
  expect(asked[1]?.input).toEqual({ client_msg_id: '鸿 %' });
  expect((await find('%ff')).status).toBe(400);
});

test('hashed files may be cached, text varies by encoding, /docs has all that it loads', async () => {
  const text = 'body { color: red }\n'.repeat(200);
  const css = new Blob([text], { type: 'text/css;charset=utf-8' });
  const small = new Blob(['x'], { type: 'text/css' });
  const webRoot = new Map([
    ['/assets/a-1.css', css],
    ['/small.css', small],
    ['/icon.png', new Blob([text], { type: 'image/png' })],
  ]);
  const { url } = await start({ webRoot });
  const get = (path: string, encoding: string) =>
    fetch(url + path, { headers: { 'accept-encoding': encoding }, decompress: false });
  const styles = await get('/assets/a-1.css', 'br');
  expect(styles.headers.get('vary')).toBe('accept-encoding');
  expect(styles.headers.get('cache-control')).toContain('immutable');
  expect(await styles.text()).toBe(text);
  for (const [path, encoding] of [
    ['/assets/a-1.css', 'identity'],
    ['/small.css', 'br'],
    ['/icon.png', 'br'],
  ] as const)
    expect((await get(path, encoding)).headers.get('content-encoding')).toBeNull();
  const page = await (await fetch(`${url}/docs`)).text();
  const linked = [...page.matchAll(/(?:src|href)="([^"]+)"/g)]
    .map(([, path = '']) => path)
    .filter((path) => !path.startsWith('data:'));
  expect(linked.length).toBe(3);
  for (const path of [...linked, 'openapi.json'])
    expect([path, (await fetch(new URL(path, `${url}/docs`))).status]).toEqual([path, 200]);
  expect(page).toContain('rel="icon"');
});

test('connections beyond the limit are refused with one line in the log, and readiness fails until one closes', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'warn', write: (line) => lines.push(line) });
  const { url, gateway } = await start({ limits: { connectionsMax: 2 }, log });
  const open = (deviceId: string) => WireClient.open({ url, token: 'ann', userId: 'ann', deviceId });
  const clients = [await open('a'), await open('b')];
  for (let attempt = 0; attempt < 3; attempt++) {
    const refused = await upgrade(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  }
  expect(lines).toHaveLength(1);
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'at connection limit' }]);
  await clients[0]?.close();
  await until(() => gateway.connectionCount === 1);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  await clients[1]?.close();
});

test('sockets that have not sent their hello are bounded, in number and in what each may hold', async () => {
  const { url } = await start({ limits: { awaitingHelloMax: 2 } });
  const [first, second] = [await RawSocket.open(url), await RawSocket.open(url)];
  expect((await upgrade(url)).status).toBe(503);
  const huge = Buffer.alloc(14);
  huge.writeUInt8(0x81, 0);
  huge.writeUInt8(0x80 | 127, 1);
  huge.writeBigUInt64BE(BigInt(200_000), 2);
  first.write(huge);
  await first.closed;
  const third = await WireClient.open({ url, token: 'ann', userId: 'ann', deviceId: 'c' });
  await third.close();
  second.cut();
});

test('without its core a gateway refuses connections as unavailable, and readiness fails', async () => {
  const { url } = await start({ isCoreReachable: () => false });
  expect((await upgrade(url)).status).toBe(503);
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'without core' });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('route returns the address of the request', async () => {
  const { url } = await start();
  const port = new URL(url).port;
  const answer = await fetch(`${url}/v1/route`, { headers: { host: `im.example.org:${port}` } });
  expect(await answer.json()).toEqual({ addresses: [{ url: `http://im.example.org:${port}` }] });
});

test('[O20] a drained gateway refuses new work, closes its connections and then releases its port', async () => {
  const { url, gateway } = await start();
  const client = await WireClient.open({ url, token: 'ann', userId: 'ann', deviceId: 'a' });
  const goingAway = client.next(({ type }) => type === 'going_away');
  await gateway.drain(performance.now() + 5000);
  expect(await goingAway).toMatchObject({ reconnect_after_ms: expect.any(Number) });
  expect((await client.closed).code).toBe(4000);
  const refused = await fetch(`${url}/v1/me`, { headers: authorization });
  expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'unavailable' }]);
  await gateway.close();
  await gateway.close();
  expect(await fetch(`${url}/healthz`).catch(() => 'refused')).toBe('refused');
});

test('[O20] a gateway fails readiness before it drains, and serves everything until then', async () => {
  const { url, gateway } = await start();
  const nowMs = performance.now();
  const drained = gateway.drain(nowMs + 10_000, { beginAtMs: nowMs + 400 });
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'draining' }]);
  const client = await WireClient.open({ url, token: 'ann', userId: 'ann', deviceId: 'a' });
  // The next request of a kept-alive connection would be refused.
  const answer = await fetch(`${url}/v1/me`, { headers: authorization });
  expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
  expect((await client.closed).code).toBe(4000);
  await drained;
});

test('[O20] a drained gateway closes kept-alive connections', async () => {
  const { url, gateway } = await start();
  const kept = tcpConnect(Number(new URL(url).port), '127.0.0.1');
  const ended = once(kept, 'close');
  kept.write('GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\n\r\n');
  await once(kept, 'data');
  await gateway.drain(performance.now() + 5_000);
  await ended;
});

test('[O22] a gateway beside others releases its port at once, answers requests in flight, and drains its clients one by one', async () => {
  const held = Promise.withResolvers<void>();
  const { url, gateway } = await start({
    isPortShared: true,
    core: { getMe: () => held.promise.then(() => refusal.noSuch('user')) },
  });
  const clients = [];
  for (const deviceId of ['a', 'b', 'c'])
    clients.push(await WireClient.open({ url, token: deviceId, userId: deviceId, deviceId }));
  const underWay = fetch(`${url}/v1/me`, { headers: authorization });
  await until(() => gateway.pendingRequestCount === 1);
  const drained = gateway.drain(performance.now() + 500, { isRelieved: () => true });
  await until(() =>
    fetch(`${url}/healthz`, { keepalive: false }).then(
      () => false,
      () => true,
    ),
  );
  expect(gateway.connectionCount).toBeGreaterThan(0);
  held.resolve();
  expect((await underWay).status).toBe(404);
  for (const client of clients) expect((await client.closed).code).toBe(4000);
  await drained;
});

test('[O22] a gateway with an unshared port answers health checks while it drains its clients one by one', async () => {
  const { url, gateway } = await start();
  const client = await WireClient.open({ url, token: 'ann', userId: 'ann', deviceId: 'a' });
  const drained = gateway.drain(performance.now() + 60_000, { isRelieved: () => true });
  expect(await client.next(({ type }) => type === 'going_away')).toMatchObject({ reconnect_after_ms: 101 });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  await gateway.close();
  await drained;
});

/** The answer to an upgrade that is not made. */
const upgrade = (url: string): Promise<Response> =>
  fetch(`${url}/v1/ws`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    },
  });

test('[R4] its sessions are those of open connections, until each is closed', async () => {
  const { gateway, url } = await start();
  const client = await WireClient.open({ url, token: 'ann', userId: 'ann', deviceId: 'd1' });
  expect([...gateway.sessions()]).toEqual([
    expect.objectContaining({ userId: 'ann', deviceId: 'd1', node: expect.any(String), sessionId: expect.any(String) }),
  ]);
  await client.close();
  await until(() => [...gateway.sessions()].length === 0);
});

/** The first line of the answer. */
async function askWithHost(url: string, path: string, host: string): Promise<string | undefined> {
  const socket = tcpConnect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return data.toString().split('\r\n')[0];
}

test.each(['[bad', 'a b', 'x/v1/me?', '', '%zz', 'a:99999'])('the Host %j is no fault of the server', async (host) => {
  const lines: string[] = [];
  const { url } = await start({ log: createLog({ level: 'error', write: (line) => lines.push(line) }) });
  expect(await askWithHost(url, '/nothing', host)).toBe('HTTP/1.1 404 Not Found');
  expect(await askWithHost(url, '/v1/route', host)).toBe('HTTP/1.1 200 OK');
  expect(await askWithHost(url, '/v1/me', host)).toBe('HTTP/1.1 401 Unauthorized');
  expect(await askWithHost(url, '/v1/ws?access_token=x', host)).toBe('HTTP/1.1 400 Bad Request');
  expect(lines).toEqual([]);
});
