// The operator listener: who is let in, what routes answer, and what health says.

import { afterEach, expect, test } from 'bun:test';
import { createLog, type Log, silentLog } from '@hongyan/base/log';
import { ok, StoreFailure } from '@hongyan/base/result';
import { refusal } from '@hongyan/protocol/refusals';
import { ManualClock } from '@hongyan/testing/manual-clock';
import Type from 'typebox';
import type { ProfiledProcess } from '../../profiles/profiled-process.ts';
import { OperatorAccess } from './access.ts';
import { type HealthCheck, healthRoutes, healthy } from './health.ts';
import { LogLevelControl } from './log-level.ts';
import { OperatorListener } from './operator.ts';
import { pprofRoutes } from './pprof.ts';
import type { OperatorRoute } from './route.ts';
import { sessionRoutes } from './sessions.ts';

const token = 'kx7Pq2rT9vWz4bNm6cLs8dFg3hJy5aEu';
const bearer = { authorization: `Bearer ${token}` };
const open: OperatorListener[] = [];

afterEach(async () => {
  for (const listener of open.splice(0)) await listener.close();
});

interface Given {
  readonly routes?: readonly OperatorRoute[];
  readonly checks?: readonly HealthCheck[];
  readonly clock?: ManualClock;
  readonly log?: Log;
  readonly port?: number;
}

function listenerOf({ routes = [], checks = [], clock = new ManualClock(), log = silentLog, port = 0 }: Given) {
  const access = new OperatorAccess(token);
  const listener = new OperatorListener({
    listen: { hostname: '127.0.0.1', port },
    access,
    routes: [...healthRoutes(checks, clock), ...sessionRoutes(access, clock), ...routes],
    clock,
    log,
  });
  listener.start();
  open.push(listener);
  return listener;
}

const secret: OperatorRoute = { method: 'GET', path: '/debug/secret', handle: () => ok({ answer: 42 }) };

test('a store that fails is answered by its code, and any other error as a bug', async () => {
  const failing = (path: string, error: Error): OperatorRoute => ({
    method: 'GET',
    path,
    isOpen: true,
    handle: () => Promise.reject(error),
  });
  const routes = [
    failing('/full', new StoreFailure('unavailable', 'database or disk is full')),
    failing('/broken', new Error('x')),
  ];
  const { url } = listenerOf({ routes });
  expect(await codeAt(`${url}/full`)).toEqual([503, 'unavailable']);
  expect(await codeAt(`${url}/broken`)).toEqual([500, 'internal']);
});

async function codeAt(url: string): Promise<readonly [number, string]> {
  const answer = await fetch(url);
  return [answer.status, ((await answer.json()) as { readonly code: string }).code];
}

test('[O1] a route answers the bearer of the token alone', async () => {
  const { url } = listenerOf({ routes: [secret] });
  const ask = (headers: Record<string, string>) => fetch(`${url}/debug/secret`, { headers });
  expect(await (await ask(bearer)).json()).toEqual({ answer: 42 });
  for (const header of ['', 'Bearer', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`]) {
    const refused = await ask({ authorization: header });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(await refused.json()).toMatchObject({
      code: 'unauthorized',
      detail: expect.stringContaining('operator-token'),
    });
  }
});

test('[O1] a browser exchanges the token for a session cookie, which ends by itself', async () => {
  const clock = new ManualClock();
  const { url } = listenerOf({ routes: [secret, { ...secret, method: 'POST' }], clock });
  const login = (given: string) =>
    fetch(`${url}/admin/v1/session`, { method: 'POST', body: JSON.stringify({ token: given }) });
  expect((await login('wrong')).status).toBe(401);
  const set = (await login(token)).headers.get('set-cookie') ?? '';
  expect(set).toMatch(/; HttpOnly; SameSite=Strict$/);
  const cookie = set.slice(0, set.indexOf(';'));
  const ask = (headers: Record<string, string>, method = 'GET') => fetch(`${url}/debug/secret`, { method, headers });
  expect((await ask({ cookie: `theme=dark; ${cookie}` })).status).toBe(200);
  expect((await ask({ cookie: `${cookie.slice(0, -1)}~` })).status).toBe(401);
  expect((await ask({ cookie: cookie.replace(/=\d/, '=9') })).status).toBe(401);
  expect((await ask({ cookie, origin: url }, 'POST')).status).toBe(200);
  // A page of another port of the same machine is another site to nobody but us.
  expect((await ask({ cookie, origin: 'http://127.0.0.1:8080' }, 'POST')).status).toBe(401);
  // Nor may an image in it have the server work.
  const statusOf = async (site: string) => (await ask({ cookie, 'sec-fetch-site': site })).status;
  expect(await Promise.all(['same-origin', 'none', 'same-site', 'cross-site'].map(statusOf))).toEqual([
    200, 200, 401, 401,
  ]);
  clock.advance(12 * 3_600_000);
  expect((await ask({ cookie })).status).toBe(401);
  const left = await fetch(`${url}/admin/v1/session`, { method: 'DELETE' });
  expect(left.headers.get('set-cookie')).toContain('Max-Age=0');
});

test('[O2] results become JSON, problems problem+json, and unknown addresses and methods say so', async () => {
  const Named = Type.Object({ name: Type.String() });
  const route = (method: OperatorRoute['method'], handle: OperatorRoute['handle']): OperatorRoute => ({
    method,
    path: '/admin/v1/things/:id',
    handle,
  });
  const { url } = listenerOf({
    routes: [
      route('GET', ({ params, query }) => ok({ id: params.id, all: query.get('all') })),
      route('PUT', (request) => request.body(Named)),
      route('POST', () => refusal.taken('the name')),
      route('DELETE', () => ok(undefined)),
    ],
  });
  const ask = (method: string, body?: string) =>
    fetch(`${url}/admin/v1/things/a%2Fb?all=1`, { method, headers: bearer, ...(body === undefined ? {} : { body }) });
  expect(await (await ask('GET')).json()).toEqual({ id: 'a/b', all: '1' });
  expect(await (await ask('PUT', '{"name":"x"}')).json()).toEqual({ name: 'x' });
  const wrong = await ask('PUT', '{"name":1}');
  expect([wrong.status, await wrong.json()]).toMatchObject([400, { detail: 'body/name: must be string' }]);
  expect((await ask('POST', '{}')).status).toBe(409);
  expect((await ask('DELETE')).status).toBe(204);
  expect((await ask('PATCH')).headers.get('allow')).toBe('GET, PUT, POST, DELETE, HEAD');
  expect((await fetch(`${url}/nowhere`)).status).toBe(404);
});

test('[O2] a query parameter that is given twice is refused, where one may ask at all', async () => {
  const { url } = listenerOf({ routes: [secret] });
  const answer = await fetch(`${url}/debug/secret?limit=1&types=a&limit=2`, { headers: bearer });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'bad_request', detail: expect.stringContaining('limit') });
  expect((await fetch(`${url}/debug/secret?limit=1&types=a`, { headers: bearer })).status).toBe(200);
  expect(await codeAt(`${url}/debug/secret?limit=1&limit=2`)).toEqual([401, 'unauthorized']);
});

test('[O2] a route that throws is answered internal and logged', async () => {
  const lines: string[] = [];
  const log: Log = { ...silentLog, error: (message) => lines.push(message) };
  const failing: OperatorRoute = {
    method: 'GET',
    path: '/debug/fails',
    handle: () => {
      throw new Error('a bug');
    },
  };
  const { url } = listenerOf({ routes: [failing], log });
  const answer = await fetch(`${url}/debug/fails`, { headers: bearer });
  expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'internal' }]);
  expect(lines).toEqual(['operator request failed']);
});

test('[O3] /healthz and /readyz need no token; /readyz names each check and its reason', async () => {
  const checks: HealthCheck[] = [
    { name: 'well', check: () => healthy },
    { name: 'weak', check: async () => ({ status: 'degraded', reason: 'little is left' }) },
  ];
  const { url } = listenerOf({ checks });
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({
    status: 'ready',
    checks: { well: { status: 'ok' }, weak: { status: 'degraded', reason: 'little is left' } },
  });
});

test('[O3] a check that fails, throws or does not answer makes /readyz 503', async () => {
  const clock = new ManualClock();
  const asked = Promise.withResolvers<void>();
  const checks: HealthCheck[] = [
    { name: 'fails', check: () => ({ status: 'failed', reason: 'draining' }) },
    {
      name: 'throws',
      check: () => {
        throw new Error('no such file');
      },
    },
    {
      name: 'hangs',
      check() {
        asked.resolve();
        return new Promise(() => {});
      },
    },
  ];
  const { url } = listenerOf({ checks, clock });
  const asking = fetch(`${url}/readyz`);
  await asked.promise;
  clock.advance(1_000);
  const answer = await asking;
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({
    status: 'not ready',
    checks: {
      fails: { status: 'failed', reason: 'draining' },
      throws: { status: 'failed', reason: 'no such file' },
      hangs: { status: 'failed', reason: 'no answer within 1000 ms' },
    },
  });
});

test('[O1] a taken port is reported with what to do', () => {
  const { url } = listenerOf({});
  const port = Number(new URL(url).port);
  expect(() => listenerOf({ port })).toThrow(
    `another process listens on 127.0.0.1:${port}: stop it, or set another address with --operator-listen ('' for none)`,
  );
});

test('[O6] the log level changes at run time, and back after a while', async () => {
  const clock = new ManualClock();
  const log = createLog({ level: 'info', write: () => {} });
  const { url } = listenerOf({ routes: new LogLevelControl(log, clock).routes() });
  const put = async (body: object) => {
    const answer = await fetch(`${url}/debug/log-level`, {
      method: 'PUT',
      headers: bearer,
      body: JSON.stringify(body),
    });
    return [answer.status, await answer.json()];
  };
  expect(await put({ level: 'debug', for_s: 60 })).toEqual([200, { level: 'debug', for_s: 60 }]);
  expect([log.level, log.isDebug]).toEqual(['debug', true]);
  // A second change for a while returns to what was before the first.
  await put({ level: 'warn', for_s: 60 });
  clock.advance(60_000);
  expect([log.level, log.isDebug]).toEqual(['info', false]);
  // A reload meanwhile stays.
  await put({ level: 'debug', for_s: 60 });
  Object.assign(log, { level: 'warn' });
  clock.advance(60_000);
  expect(log.level).toBe('warn');
  await put({ level: 'error' });
  clock.advance(86_400_000);
  expect(log.level).toBe('error');
  expect(await put({ level: 'loud' })).toMatchObject([400, { code: 'bad_request' }]);
});

test('[O10] a heap snapshot that could not be written leaves no file behind', async () => {
  const files: string[] = [];
  const process: ProfiledProcess = {
    name: 'core',
    cpu: async () => refusal.profiling('core', 'nothing'),
    heap: async () => refusal.profiling('core', 'nothing'),
    async heapSnapshot(file) {
      files.push(file);
      await Bun.write(file, 'half');
      throw new Error('ENOSPC');
    },
  };
  const { url } = listenerOf({ routes: pprofRoutes({ processes: [process] }, new ManualClock()) });
  expect((await fetch(`${url}/debug/pprof/heapsnapshot`, { headers: bearer })).status).toBe(500);
  expect(await Promise.all(files.map((file) => Bun.file(file).exists()))).toEqual([false]);
});
