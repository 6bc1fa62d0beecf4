// https and wss with a certificate of the operator's own, and what a wrong pair of files says at the start.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import type { Readiness } from '../../packages/cli/src/status/picture.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, spawnServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

let folder: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await dataFolder('tls');
  await Promise.all([makeCertificate('own'), makeCertificate('other')]);
});

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

/** Self-signed, for the loopback address. */
async function makeCertificate(name: string, days = 1): Promise<void> {
  const made = Bun.spawn(
    [
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      String(days),
    ]
      .concat(['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'])
      .concat(['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)]),
    { stdout: 'ignore', stderr: 'pipe', timeout: 10_000 },
  );
  if ((await made.exited) !== 0) throw new Error(await new Response(made.stderr).text());
}

test('with a certificate and its key the server speaks https and wss, checked against that certificate', async () => {
  const args = ['--tls-cert', file('own.crt'), '--tls-key', file('own.key')];
  const server = spawnServer({ dataDir: file('data'), args });
  await untilReady(server);
  const url = `https://127.0.0.1:${server.port}`;
  expect(server.output()).toContain(`Hongyan is ready: open ${url}`);
  const ca = await Bun.file(file('own.crt')).text();
  const body = JSON.stringify({ user_id: 'alice', password: 'correct horse battery' });
  const signup = await fetch(`${url}/v1/auth/signup`, { method: 'POST', body, tls: { ca } });
  expect(signup.status).toBe(201);
  const { access_token } = (await signup.json()) as { access_token: string };
  expect(await (await fetch(`${url}/v1/route`, { tls: { ca } })).json()).toEqual({ addresses: [{ url }] });

  const socket = new WebSocket(`wss://127.0.0.1:${server.port}/v1/ws`, { tls: { ca } } as never);
  const welcome = new Promise<string>((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(String(data));
    socket.onclose = ({ reason }) => reject(new Error(`closed: ${reason}`));
  });
  socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', token: access_token, device_id: 'phone' }));
  expect(JSON.parse(await welcome)).toMatchObject({ type: 'welcome', user_id: 'alice' });
  socket.onclose = null;
  socket.close();

  const plain = await fetch(`http://127.0.0.1:${server.port}/healthz`).then(
    ({ status }) => status,
    () => 'refused',
  );
  expect(plain).not.toBe(200);
  expect(await server.stop()).toBe(0);
});

test('a file that is missing, of another kind or of another pair stops the start and names its option', async () => {
  const start = (cert: string, key: string) =>
    hongyan([
      'start',
      '--listen',
      '127.0.0.1:0',
      '--operator-listen',
      '',
      '--data',
      file('unused'),
      '--tls-cert',
      cert,
      '--tls-key',
      key,
    ]);
  const [own, key] = [file('own.crt'), file('own.key')];
  const wrong: readonly (readonly [Parameters<typeof start>, string])[] = [
    [[file('none'), key], `${file('none')} (tls-cert) cannot be read`],
    [[own, file('none')], `${file('none')} (tls-key) cannot be read`],
    [[key, own], `${key} (tls-cert) is not a PEM certificate`],
    [[own, own], `${own} (tls-key) is not a PEM private key`],
    [[own, file('other.key')], `${file('other.key')} (tls-key) is not the key of ${own} (tls-cert)`],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await start(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`hongyan start: ${message}`);
  }
  expect(await Bun.file(file('unused/secret')).exists()).toBe(false);
});

test('[O3] readiness and metrics tell when the certificate that clients are shown ends, until it is renewed and shown', async () => {
  await makeCertificate('shown', 7);
  const args = ['--tls-cert', file('shown.crt'), '--tls-key', file('shown.key'), '--gateways', '2'];
  const server = spawnServer({ dataDir: file('shown-data'), args: [...args, '--drain-seconds', '0'] });
  await untilReady(server);
  const operator = await OperatorClient.connect(server.dataDir);
  const check = async () => {
    const { status, checks } = (await (await operator.fetch('GET', '/readyz')).json()) as Readiness;
    return { status, ...checks['client certificate'] };
  };
  const ends = async () => {
    const text = await (await operator.fetch('GET', '/metrics?processes=all')).text();
    return [...text.matchAll(/^hongyan_certificate_end_time_seconds\{option="tls-cert".* (\S+)$/gm)].map(
      ([, seconds]) => Number(seconds),
    );
  };
  const endOfFile = () =>
    readFile(file('shown.crt')).then((pem) => new X509Certificate(pem).validToDate.getTime() / 1000);
  const first = await endOfFile();
  expect(await check()).toEqual({
    status: 'degraded',
    reason: `tls-cert is valid until ${new Date(first * 1000).toISOString()}: renew it, then run hongyan roll`,
  });
  expect(await ends()).toEqual([first, first]);

  await makeCertificate('shown', 90);
  expect([(await check()).status, await ends()]).toEqual(['degraded', [first, first]]);
  expect(await hongyan(['roll', '--data', server.dataDir])).toMatchObject({ code: 0 });
  expect(await check()).toEqual({ status: 'ok' });
  const renewed = await endOfFile();
  expect(await ends()).toEqual([renewed, renewed]);
  expect(await server.stop()).toBe(0);
});

test('half of the pair leaves with 2', async () => {
  const half = await hongyan(['start', '--data', file('unused'), '--tls-cert', file('own.crt')]);
  expect(half).toEqual({ code: 2, stdout: '', stderr: 'hongyan: tls-cert and tls-key go together\n' });
});

async function untilReady(server: ServerProcess): Promise<void> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await Bun.sleep(15)) {
    if (server.output().includes('Hongyan is ready')) return;
    if (!server.isAlive()) break;
  }
  throw new Error(`the server did not become ready:\n${server.output()}`);
}
