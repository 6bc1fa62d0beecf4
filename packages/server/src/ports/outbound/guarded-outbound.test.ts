// Requests to real servers on loopback: rejected URLs, the address of the connection, and how much of a response is read.

import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen, type Server, serve, spawnSync } from 'bun';
import { GuardedOutbound, type GuardedOutboundOptions } from './guarded-outbound.ts';
import type { OutboundRequest } from './outbound.ts';

const hits: string[] = [];
const server = serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    hits.push(`${request.headers.get('host')} ${pathname} ${await request.text()}`);
    if (pathname === '/redirect') return new Response('', { status: 302, headers: { location: '/' } });
    if (pathname === '/busy') return new Response('later', { status: 503, headers: { 'retry-after': '7' } });
    if (pathname === '/endless')
      return new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(4096)) }));
    return new Response('fine');
  },
});
const silent = listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
afterAll(async () => {
  silent.stop(true);
  await server.stop(true);
});

const posting = (url: string, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  ...{ url, headers: { 'webhook-id': 'evt_1' }, body: 'hello', timeoutMs: 10_000, answerBytesMax: 1_000 },
  ...more,
});
const outbound = (more: Partial<GuardedOutboundOptions> = {}) =>
  new GuardedOutbound({ mayReachPrivate: true, ...more });
const at = (path: string, host = '127.0.0.1', port: number | undefined = server.port) =>
  `http://${host}:${port}${path}`;

test('the response is a value: status, Retry-After, body', async () => {
  expect(await outbound().post(posting(at('/')))).toEqual({
    ...{ type: 'answered', status: 200, retryAfter: null, body: 'fine', isCut: false },
  });
  expect(await outbound().post(posting(at('/busy')))).toMatchObject({ status: 503, retryAfter: '7' });
});

test('[W6] a redirect is not followed', async () => {
  hits.length = 0;
  expect(await outbound().post(posting(at('/redirect')))).toMatchObject({ type: 'answered', status: 302 });
  expect(hits).toEqual([`127.0.0.1:${server.port} /redirect hello`]);
});

test('[W6] of an endless answer a bounded part is read', async () => {
  const posted = await outbound().post(posting(at('/endless')));
  expect(posted).toMatchObject({ type: 'answered', isCut: true });
  expect(posted.type === 'answered' && posted.body.length).toBe(1_000);
});

test('[W6] a silent server, a missing one and a name without address are failures with a message', async () => {
  const slow = await outbound().post(posting(at('/', '127.0.0.1', silent.port), { timeoutMs: 50 }));
  expect(slow).toEqual({ type: 'failed', error: 'no answer within 50 ms' });
  const stopped: Server<unknown> = serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() });
  const { port } = stopped;
  await stopped.stop(true);
  expect(await outbound().post(posting(at('/', '127.0.0.1', port)))).toEqual({
    ...{ type: 'failed', error: 'the connection was refused' },
  });
  const nowhere = await outbound({ resolve: async () => [] }).post(posting(at('/', 'hooks.test')));
  expect(nowhere).toEqual({ type: 'failed', error: 'hooks.test has no address' });
  const hanging = outbound({ resolve: () => new Promise(() => {}) });
  expect(await hanging.post(posting(at('/', 'hooks.test'), { timeoutMs: 50 }))).toMatchObject({ type: 'failed' });
});

test('an aborted request ends at once, also during name resolution', async () => {
  const asked = Promise.withResolvers<void>();
  const giving = new AbortController();
  const hanging = outbound({
    resolve: () => {
      asked.resolve();
      return new Promise(() => {});
    },
  });
  const posted = hanging.post(posting(at('/', 'hooks.test'), { timeoutMs: 600_000, signal: giving.signal }));
  await asked.promise;
  giving.abort();
  expect(await posted).toMatchObject({ type: 'failed', error: expect.stringContaining('given up') });
});

test('[W6] private addresses are refused, however they are written and wherever a name points', async () => {
  hits.length = 0;
  const guarded = (addresses: readonly string[] = []) =>
    outbound({ mayReachPrivate: false, resolve: async () => addresses });
  const { port } = server;
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
  ]) {
    const url = `http://${host}:${port}/`;
    expect(guarded().refusalOf(url)).toContain('public internet');
    expect(await guarded().post(posting(url))).toMatchObject({ type: 'failed' });
  }
  for (const addresses of [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['fe80::1'], ['::ffff:127.0.0.1']]) {
    const posted = await guarded(addresses).post(posting(`http://hooks.test:${port}/`));
    expect(posted).toMatchObject({ type: 'failed', error: expect.stringContaining('--webhook-private-addresses') });
  }
  expect(hits).toEqual([]);
});

test('[W6] the connection goes to the checked address: a name that changes meanwhile is resolved once', async () => {
  hits.length = 0;
  let asked = 0;
  const rebinding = outbound({ resolve: async () => (++asked === 1 ? ['127.0.0.1'] : ['127.0.0.2']) });
  const posted = await rebinding.post(posting(at('/rebound', 'hooks.test')));
  expect(posted).toMatchObject({ type: 'answered', status: 200 });
  expect(asked).toBe(1);
  expect(hits).toEqual([`hooks.test:${server.port} /rebound hello`]);
});

test('of several addresses of a name the next one is tried where a connection is refused, and none after an answer', async () => {
  hits.length = 0;
  // As localhost often is: a receiver may listen at one of the two.
  const several = outbound({ resolve: async () => ['::1', '127.0.0.1'] });
  expect(await several.post(posting(at('/busy', 'hooks.test')))).toMatchObject({ type: 'answered', status: 503 });
  expect(hits).toEqual([`hooks.test:${server.port} /busy hello`]);
  const none = outbound({ resolve: async () => ['::1', '::1'] });
  expect(await none.post(posting(at('/', 'hooks.test')))).toEqual({
    ...{ type: 'failed', error: 'the connection was refused' },
  });
});

test('a URL that is not http or https, or has a password, is rejected', () => {
  for (const url of ['', 'hooks', 'ftp://example.org/', 'https://user:pass@example.org/'])
    expect(outbound().refusalOf(url)).toBeString();
  expect(outbound().refusalOf('https://example.org/hooks')).toBeUndefined();
});

test('[W6] over TLS the certificate is checked for the name, though the connection goes to an address', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-outbound-'));
  const [keyPath, certPath] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = spawnSync([
    ...['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=hooks.test'],
    ...['-addext', 'subjectAltName=DNS:hooks.test', '-keyout', keyPath, '-out', certPath],
  ]);
  expect(made.exitCode).toBe(0);
  const [key, cert] = [keyPath, certPath].map((path) => readFileSync(path, 'utf8'));
  rmSync(folder, { recursive: true });
  if (key === undefined || cert === undefined) throw new Error('no certificate');
  const secure = serve({ hostname: '127.0.0.1', port: 0, tls: { key, cert }, fetch: (r) => new Response(r.url) });
  const trusting = outbound({ resolve: async () => ['127.0.0.1'], ca: cert });
  const url = (host: string) => `https://${host}:${secure.port}/`;
  expect(await trusting.post(posting(url('hooks.test')))).toMatchObject({ status: 200, body: url('hooks.test') });
  expect(await trusting.post(posting(url('other.test')))).toMatchObject({
    ...{ type: 'failed', error: expect.stringContaining('CERT') },
  });
  await secure.stop(true);
});
