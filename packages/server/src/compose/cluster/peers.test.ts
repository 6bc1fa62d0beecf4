// What operators are told of a process that does not let this one in.

import { afterAll, expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import { ManualClock } from '@hongyan/testing/manual-clock';
import type { NodeRecord } from '../../ports/node-registry/node-registry.ts';
import { OperatorAccess } from '../../roles/operator/access.ts';
import { OperatorListener } from '../../roles/operator/operator.ts';
import { PeerAccess } from '../../roles/operator/peer-access.ts';
import { inNamedProcess } from '../../roles/operator/processes.ts';
import type { OperatorRequest, OperatorRoute } from '../../roles/operator/route.ts';
import { Peers } from './peers.ts';

const clock = new ManualClock();
const secretOf = (name: string) => new TextEncoder().encode(`the link secret of ${name}`);
const overview: OperatorRoute = {
  method: 'GET',
  path: '/admin/v1/overview',
  handle: () => ok({ answers: 'this one' }),
};
const core = new OperatorListener({
  ...{ listen: { hostname: '127.0.0.1', port: 0 }, clock, log: silentLog, routes: [overview] },
  access: new OperatorAccess('kx7Pq2rT9vWz4bNm6cLs8dFg3hJy5aEu'),
  peers: new PeerAccess('life-of-core', { secret: secretOf('another cluster'), clock }),
});
core.start();
afterAll(() => core.close());

const node: NodeRecord = {
  ...{ name: 'core-1', life: 'life-of-core', roles: ['core'], state: 'ready', version: '0', startedAtMs: 0 },
  operatorUrl: core.url,
};
const list = { nodes: [node], look: async () => {} };
const peers = new Peers({ own: 'gateway-1', life: 'life-of-gateway', list, secret: secretOf('this cluster'), clock });

const asked = (path: string): OperatorRequest => ({
  path,
  query: new URL(path, 'http://localhost').searchParams,
  params: {},
  headers: new Headers(),
  signal: new AbortController().signal,
  text: async () => '',
  body: () => Promise.reject(new Error('a GET has no body')),
});

const [coreRoute = overview] = peers.coreRoutes;
for (const [what, route, path] of [
  ['the overview', peers.ofKeeper(overview), overview.path],
  ['what a core has', coreRoute, overview.path],
  ['the process by its name', inNamedProcess(overview, peers), `${overview.path}?process=core-1`],
] as const)
  test(`[O35] who asks for ${what} is told which process refuses, not that the token is wrong`, async () => {
    expect(await route.handle(asked(path))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('process core-1 refused'),
    });
  });
