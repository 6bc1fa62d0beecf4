// Links with TLS: which certificates are accepted, and the errors for the others.

import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import {
  type CertificateFiles,
  chainedCertificate,
  linkCertificate,
  signedAgain,
} from '@hongyan/testing/link-certificates';
import { until } from '@hongyan/testing/until';
import { checkTls } from '../../config/tls.ts';
import type { Core } from '../../ports/core/core.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { CorePool } from './core-pool.ts';
import { serveCore } from './core-server.ts';
import { LinkCertificate, type LinkTls } from './security.ts';

const secret = new TextEncoder().encode('of the cluster'.padEnd(32, '.'));
let folder: string;
/** Of two authorities that do not know each other. */
let validTls: LinkTls;
let other: LinkTls;
/** Of the first one, and too old. */
let ended: LinkTls;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hongyan-link-tls-'));
  validTls = await read(await linkCertificate(join(folder, 'own')));
  other = await read(await linkCertificate(join(folder, 'other')));
  ended = await read(await signedAgain(join(folder, 'own'), { file: 'ended.crt', days: -1 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

async function read({ cert, key, ca }: CertificateFiles): Promise<LinkTls> {
  return { certificate: await readFile(cert), key: await readFile(key), authority: await readFile(ca) };
}

const held = (tls: LinkTls | LinkCertificate | undefined): LinkCertificate | undefined =>
  tls === undefined || tls instanceof LinkCertificate ? tls : new LinkCertificate(tls);

/** Returns its port. */
async function serve(tls: LinkTls | LinkCertificate | undefined): Promise<number> {
  const core = await serveCore({
    ...{ core: {} as Core, bus: new MemoryEventBus(), clock: systemClock, log: silentLog },
    listen: { type: 'tcp', address: { hostname: '127.0.0.1', port: 0 }, security: { secret, certificate: held(tls) } },
    backlogBytesMax: 1_000_000,
  });
  cleanUp.push(() => core.stop());
  return core.port;
}

function open(port: number, tls: LinkTls | LinkCertificate | undefined, hostname = '127.0.0.1'): CorePool {
  const pool = new CorePool({
    ...{ node: 'gateway-1', security: { secret, certificate: held(tls) }, clock: systemClock, log: silentLog },
    ...{ timeoutMs: 10_000, inFlightMax: 1_000, onAnswered: () => {} },
  });
  cleanUp.push(() => pool.close());
  pool.follow([{ name: 'core-1', address: `${hostname}:${port}`, isDraining: false }]);
  return pool;
}

async function problemOf(port: number, tls: LinkTls | undefined): Promise<string> {
  const pool = open(port, tls);
  await until(() => pool.problem !== undefined);
  expect(pool.isUp).toBe(false);
  return pool.problem ?? '';
}

test('[N8] with certificates of one authority there is a link, to an address and to a name', async () => {
  const port = await serve(validTls);
  for (const hostname of ['127.0.0.1', 'localhost']) {
    const pool = open(port, validTls, hostname);
    await until(() => pool.isUp);
    expect(pool.problem).toBeUndefined();
  }
});

test('[N8] a certificate of another authority gets no link, and the gateway reports which option to check', async () => {
  const port = await serve(validTls);
  expect(await problemOf(port, other)).toMatch(/certificate of the core is not accepted .*link-tls-ca of this process/);
});

test('[N8] a certificate that the core does not accept gets no link, even if the gateway accepts the core', async () => {
  const port = await serve(validTls);
  for (const { certificate, key } of [other, ended]) {
    const problem = await problemOf(port, { certificate, key, authority: validTls.authority });
    expect(problem).toMatch(/link-tls-cert of this process must be valid and signed .*link-tls-ca of the core/);
  }
});

test('[N8] a core whose certificate has expired gets no link', async () => {
  expect(await problemOf(await serve(ended), validTls)).toMatch(/not accepted \(certificate has expired\)/);
});

test('[N8] without a certificate there is no link to a core that has one, nor with one to a core that has none', async () => {
  expect(await problemOf(await serve(validTls), undefined)).toContain(
    'it may require a certificate, which link-tls-cert',
  );
  expect(await problemOf(await serve(undefined), validTls)).toContain(
    'the core does not speak TLS: give link-tls-cert',
  );
});

test('[N8] certificates of an intermediate authority are accepted, also by the check at the start', async () => {
  const certificate = await chainedCertificate(join(folder, 'own'));
  const files = { linkTlsCert: certificate.cert, linkTlsKey: certificate.key, linkTlsCa: certificate.ca };
  await checkTls({ tlsCert: '', tlsKey: '', ...files }, systemClock);
  const chained = await read(certificate);
  const port = await serve(chained);
  const pools = [chained, validTls].map((tls) => open(port, tls));
  await until(() => pools.every(({ isUp }) => isUp));
});

test('[N8] while the authority is replaced both are accepted', async () => {
  const both = [validTls, other];
  const authority = Buffer.concat(both.map((tls) => tls.authority));
  const [before, after] = both.map((tls) => ({ ...tls, authority }));
  const port = await serve(before);
  const pool = open(port, after);
  await until(() => pool.isUp);
});

test('[N8] a core presents a renewed certificate in new links, and open links continue', async () => {
  const certificate = new LinkCertificate(validTls);
  const port = await serve(certificate);
  const before = open(port, validTls);
  await until(() => before.isUp);
  certificate.renew(other);
  const after = open(port, other);
  await until(() => after.isUp);
  expect(await problemOf(port, validTls)).toContain('certificate of the core is not accepted');
  expect([before.isUp, before.problem]).toEqual([true, undefined]);
});

test('[N8] a gateway whose certificate is renewed gets its link', async () => {
  const port = await serve(validTls);
  const certificate = new LinkCertificate({ ...ended, authority: validTls.authority });
  const pool = open(port, certificate);
  await until(() => pool.problem !== undefined);
  certificate.renew(validTls);
  await until(() => pool.isUp);
});

test('[N8] a plain-text connection receives no answer', async () => {
  const port = await serve(validTls);
  const socket = connect({ host: '127.0.0.1', port });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(Buffer.from(chunk))).on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  // The preface of HTTP/2 and an empty frame of settings, which a plain server answers with its own.
  socket.write(
    Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]),
  );
  await closed;
  const alert = 0x15;
  const answer = Buffer.concat(chunks);
  expect(answer.length === 0 || answer[0] === alert).toBe(true);
});
