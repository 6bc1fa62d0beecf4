// Backups of a server under load: each is what a kill -9 of its moment would have left, and a server starts on it.

import { afterAll, afterEach, expect, test } from 'bun:test';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient, createMemoryStorage } from '@hongyan/client';
import type { Aftermath, ClientEvent } from '@hongyan/testing/history';
import { call, signUp } from '@hongyan/testing/http-client';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { dataFolder, killServers, removeDataFolders, spawnServer, startServer } from '../server-process.ts';
import { check } from './checker.ts';
import { Crowd } from './crowd.ts';

const command = [process.execPath, join(import.meta.dir, '../../packages/cli/src/main.ts')];
const random = createRandom(testSeed('backup'));
const rounds = 4;

afterEach(killServers);
afterAll(removeDataFolders);

const noServer = ['--operator-listen', ''];

test('[O23][O24][D1][D2][D3][D7] a backup under load has all that was acknowledged before it, and a server starts on it', async () => {
  const dataDir = await dataFolder('backup');
  const elsewhere = await dataFolder('backups');
  const args = ['--gateways', '2', ...noServer];
  let server = await startServer({ dataDir, args });
  const crowd = await Crowd.gather({ url: server.url, name: 'backup', random });
  await crowd.connect();
  const loading = crowd.load(1_500);
  const taken: { readonly folder: string; readonly before: number; readonly after: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    await Bun.sleep(200 + random() * 300);
    const folder = join(elsewhere, `${round}`);
    const before = crowd.events.length;
    const { code, stderr } = await hongyan(['backup', folder, '--data', dataDir, '--mebibytes-per-second', '0']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('reading it back')]);
    taken.push({ folder, before, after: crowd.events.length });
  }
  await loading;
  expect(crowd.events.filter(({ type }) => type === 'acked').length).toBeGreaterThan(500);
  expect(await server.stop()).toBe(0);
  for (const { folder, before, after } of taken) {
    const restored = join(elsewhere, 'restored');
    const { code, stdout, stderr } = await hongyan(['restore', folder, '--data', restored]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('entries as of');
    server = await startServer({ dataDir: restored, port: server.port, args });
    // What was acknowledged before the backup is there; what was only sent by its end may be.
    const known: ClientEvent[] = [
      ...crowd.events.slice(0, before),
      ...crowd.events.slice(before, after).filter(({ type }) => type === 'attempted'),
    ];
    const aftermath: Aftermath = { ...(await crowd.aftermath()), devices: [] };
    expect(check(known, aftermath).slice(0, 3)).toEqual([]);
    const next = await Crowd.gather({ url: server.url, name: `next${before}`, random });
    await next.connect();
    await next.load(20);
    await next.settle();
    await next.leave();
    expect(await server.stop()).toBe(0);
    await rm(restored, { recursive: true });
  }
}, 240_000);

test('[O24][C2] a device that had seen more than the backup has resynchronises with the server that was restored', async () => {
  const dataDir = await dataFolder('restored');
  const folders = await dataFolder('restored-from');
  let server = await startServer({ dataDir, args: noServer });
  const [ann, bob] = [await signUp(server.url, 'ann'), await signUp(server.url, 'bob')];
  const say = async (text: string) => {
    const body = { to: 'bob', client_msg_id: text, content: { type: 'text', text } };
    expect((await call(server.url, '/v1/messages', { method: 'POST', token: ann.token, body })).status).toBe(201);
  };
  await say('first');
  const told: unknown[] = [];
  const client = createClient({ url: server.url, token: () => bob.token, storage: createMemoryStorage() });
  client.on('message', ({ content }) => told.push(content.text));
  await client.connect();
  expect((await hongyan(['backup', join(folders, 'b'), '--data', dataDir])).code).toBe(0);
  for (const text of ['lost 1', 'lost 2', 'lost 3']) await say(text);
  await until(() => told.includes('lost 3'));
  await server.stop();
  expect((await hongyan(['restore', join(folders, 'b'), '--data', join(folders, 'new')])).code).toBe(0);
  server = await startServer({ dataDir: join(folders, 'new'), port: server.port, args: noServer });
  for (const text of ['after 1', 'after 2']) await say(text);
  await until(() => told.includes('after 2'), { withinMs: 30_000 });
  expect(told.slice(-2)).toEqual(['after 1', 'after 2']);
  await client.close();
}, 90_000);

test('[O24] a server that was restored for a drill sends no webhook until it is told to', async () => {
  const [dataDir, folders] = [await dataFolder('drill'), await dataFolder('drill-from')];
  const received: string[] = [];
  using receiver = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      received.push(((await request.json()) as { type: string }).type);
      return new Response();
    },
  });
  const args = ['--webhook-private-addresses', '--operator-listen', '127.0.0.1:0'];
  let server = await startServer({ dataDir, args });
  const added = await hongyan(['webhook', 'add', `http://127.0.0.1:${receiver.port}/`, '--data', dataDir]);
  const id = /wh_\S+/.exec(added.stdout)?.[0] ?? '';
  const ann = await signUp(server.url, 'ann');
  const say = async (text: string) => {
    const body = { to: 'ann', client_msg_id: text, content: { type: 'text', text } };
    expect((await call(server.url, '/v1/messages', { method: 'POST', token: ann.token, body })).status).toBe(201);
  };
  await say('first');
  await until(() => received.includes('message.created'));
  expect((await hongyan(['backup', join(folders, 'b'), '--data', dataDir])).code).toBe(0);
  await server.stop();
  const before = [...received];
  const drill = join(folders, 'drill');
  expect((await hongyan(['restore', join(folders, 'b'), '--data', drill, '--without-webhooks'])).code).toBe(0);
  server = await startServer({ dataDir: drill, args });
  await say('second');
  expect((await hongyan(['webhook', 'list', '--data', drill])).stdout).toMatch(new RegExp(`${id} +off `));
  expect(received).toEqual(before);
  expect((await hongyan(['webhook', 'enable', id, '--data', drill])).code).toBe(0);
  await until(() => received.includes('events.gap'));
}, 60_000);

test('[O23] a backup is for its owner alone, takes secrets or leaves them, and one that is interrupted leaves nothing', async () => {
  const dataDir = await dataFolder('secrets');
  const folders = await dataFolder('secrets-to');
  const server = await startServer({ dataDir, args: noServer });
  await signUp(server.url, 'ann');
  const [whole, bare] = [join(folders, 'whole'), join(folders, 'bare')];
  const said = await hongyan(['backup', whole, '--data', dataDir]);
  expect(said.stdout).toContain('with secrets: keep it as safe as the server');
  expect((await hongyan(['backup', bare, '--data', dataDir, '--without-secrets'])).code).toBe(0);
  expect([existsSync(join(whole, 'secret')), existsSync(join(bare, 'secret'))]).toEqual([true, false]);
  for (const name of readdirSync(whole, { recursive: true }) as string[]) {
    const { mode } = statSync(join(whole, name));
    expect([name, mode & 0o077]).toEqual([name, 0]);
  }
  expect(readdirSync(whole, { recursive: true }).filter((name) => /-(wal|shm)$/.test(String(name)))).toEqual([]);
  // A store that is added to the data folder has to be added to `storeFiles`.
  const stores = readdirSync(dataDir, { recursive: true }).map(String);
  for (const name of stores.filter((one) => one.endsWith('.db') && one !== 'server.lock.db'))
    expect([name, existsSync(join(whole, name))]).toEqual([name, true]);
  const again = await hongyan(['backup', whole, '--data', dataDir]);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('already exists')]);
  const slow = join(folders, 'slow');
  // The last one is what a closing terminal sends.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const child = Bun.spawn([...command, 'backup', slow, '--data', dataDir, '--mebibytes-per-second', '1'], {
      stderr: 'pipe',
    });
    await until(() => readdirSync(folders).some((name) => name.startsWith('slow.partial')));
    child.kill(signal);
    const said = await new Response(child.stderr).text();
    expect([await child.exited, said]).toEqual([1, expect.stringContaining(`stopped by ${signal}`)]);
    expect(readdirSync(folders).sort()).toEqual(['bare', 'whole']);
  }
  await server.stop();
}, 60_000);

test('[O24] a restore refuses what is running, newer, changed or no backup, and leaves everything as it was', async () => {
  const dataDir = await dataFolder('refused');
  const folders = await dataFolder('refused-from');
  const backup = join(folders, 'b');
  const server = await startServer({ dataDir, args: noServer });
  const ann = await signUp(server.url, 'ann');
  expect((await hongyan(['backup', backup, '--data', dataDir])).code).toBe(0);
  const refusal = async (from: string, to: string) => {
    const { code, stderr } = await hongyan(['restore', from, '--data', to]);
    expect(code).toBe(1);
    return stderr;
  };
  expect(await refusal(backup, dataDir)).toContain('another server runs on the data folder');
  const body = { to: 'ann', client_msg_id: 'k', content: { type: 'text', text: 'x' } };
  await call(server.url, '/v1/messages', { method: 'POST', token: ann.token, body });
  await server.stop();
  expect(await refusal(backup, dataDir)).toContain('has messages that are newer than the backup');
  expect(await refusal(folders, join(folders, 'new'))).toContain('is not a complete backup');
  await cp(backup, join(folders, 'changed'), { recursive: true });
  const path = join(folders, 'changed', 'directory.db');
  const bytes = await readFile(path);
  bytes[bytes.length - 7] = (bytes[bytes.length - 7] ?? 0) ^ 1;
  await writeFile(path, bytes);
  expect(await refusal(join(folders, 'changed'), join(folders, 'new'))).toContain('its SHA-256 differs');
  expect(readdirSync(folders).sort()).toEqual(['b', 'changed']);
  expect((await startServer({ dataDir, port: server.port, args: noServer })).isAlive()).toBe(true);
}, 60_000);

test('[O24] no server starts on a folder that a restore is filling, or was', async () => {
  const dataDir = await dataFolder('restoring');
  await mkdir(join(dataDir, 'restore.partial'));
  const server = spawnServer({ dataDir, args: noServer });
  expect(await server.left()).toBe(1);
  expect(server.output()).toContain('is being restored, or its restore was interrupted');
}, 60_000);

async function hongyan(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = Bun.spawn([...command, ...args], { stdout: 'pipe', stderr: 'pipe', timeout: 60_000 });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code: child.exitCode, stdout, stderr };
}

test('[O24] with --replace what was there is moved aside, whole; a running server is refused, and a failure changes nothing', async () => {
  const dataDir = await dataFolder('replaced');
  const folders = await dataFolder('replaced-from');
  const backup = join(folders, 'b');
  const server = await startServer({ dataDir, args: noServer });
  const ann = await signUp(server.url, 'ann');
  const send = async (url: string, text: string) => {
    const body = { to: 'ann', client_msg_id: text, content: { type: 'text', text } };
    expect((await call(url, '/v1/messages', { method: 'POST', token: ann.token, body })).status).toBe(201);
  };
  const textsAt = async (url: string) => {
    const { body } = await call(url, '/v1/conversations/d:ann:ann/messages', { token: ann.token });
    return (body.entries as { content: { text: string } }[]).map(({ content }) => content.text);
  };
  await send(server.url, 'before');
  expect((await hongyan(['backup', backup, '--data', dataDir])).code).toBe(0);
  await send(server.url, 'after');
  const restore = (from: string) => hongyan(['restore', from, '--data', dataDir, '--replace']);
  expect(await restore(backup)).toMatchObject({ code: 1, stderr: expect.stringContaining('another server runs') });
  await server.stop();
  await cp(backup, join(folders, 'changed'), { recursive: true });
  await writeFile(join(folders, 'changed', 'directory.db'), 'x');
  const beside = () =>
    readdirSync(join(dataDir, '..')).filter((name) => join(dataDir, '..', name).startsWith(`${dataDir}.`));
  expect(await restore(join(folders, 'changed'))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not as it was written: it has 1 bytes'),
  });
  expect(beside()).toEqual([]);
  const restored = await restore(backup);
  expect(restored).toMatchObject({ code: 0, stderr: '' });
  const [aside = ''] = beside();
  expect(restored.stdout).toContain(`is in ${join(dataDir, '..', aside)}`);
  const now = await startServer({ dataDir, args: noServer });
  expect(await textsAt(now.url)).toEqual(['before']);
  await now.stop();
  const old = await startServer({ dataDir: join(dataDir, '..', aside), args: noServer });
  expect(await textsAt(old.url)).toEqual(['before', 'after']);
  await old.stop();
  await rm(join(dataDir, '..', aside), { recursive: true });
}, 60_000);
