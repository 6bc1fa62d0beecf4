// The single executable, in a folder and an environment that have nothing else: what is not inside it is not there.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, call, readFully, signUp } from '@hongyan/testing/http-client';
import { buildExecutable } from '../../tools/build.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

const buildTimeoutMs = 60_000;
const page = '<!doctype html><title>the web client</title>';
let executable: string;
let folder: string;
let server: ServerProcess;
let alice: Account;

beforeAll(async () => {
  const built = await dataFolder('executable');
  await Bun.write(join(built, 'web/index.html'), page);
  await Bun.write(join(built, 'web/assets/app-1a2b3c.js'), 'export {};');
  executable = join(built, 'hongyan');
  const { workerCount, webFileCount } = await buildExecutable({ outfile: executable, webDist: join(built, 'web') });
  expect(workerCount).toBeGreaterThanOrEqual(2);
  expect(webFileCount).toBe(2);
  folder = join(built, 'empty');
  await mkdir(folder);
  server = await start();
}, buildTimeoutMs);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

/** In an empty folder, with an empty environment: PATH included. */
const start = (port?: number) =>
  startServer({
    dataDir: join(folder, 'data'),
    executable: { path: executable, cwd: folder },
    ...(port === undefined ? {} : { port }),
  });

const run = (...args: readonly string[]) => hongyan(args, { command: [executable], cwd: folder, env: { PATH: '' } });

test('it prints its version and leaves nothing but its data folder behind', async () => {
  const { code, stdout } = await run('version');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^hongyan \d+\.\d+\.\d+ \(bun /);
  expect(await readdir(folder)).toEqual(['data']);
});

test('[D1] what it acknowledged is there after a kill and a restart', async () => {
  alice = await signUp(server.url, 'alice');
  await signUp(server.url, 'bob');
  const body = { to: 'bob', client_msg_id: 'first', content: { type: 'text', text: 'from the executable' } };
  const sent = await call(server.url, '/v1/messages', { method: 'POST', token: alice.token, body });
  expect(sent).toMatchObject({ status: 201, body: { seq: 1 } });
  await server.kill();
  server = await start(server.port);
  const { entries } = await readFully(server.url, alice, 'd:alice:bob');
  expect(entries).toMatchObject([{ seq: 1, content: { text: 'from the executable' } }]);
});

test('it serves the web client and the pages of /docs from within', async () => {
  const index = await fetch(server.url);
  expect([index.status, index.headers.get('content-type')]).toEqual([200, 'text/html;charset=utf-8']);
  expect(await index.text()).toBe(page);
  const script = await fetch(`${server.url}/assets/app-1a2b3c.js`);
  expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript;charset=utf-8']);
  expect(script.headers.get('cache-control')).toContain('immutable');
  expect(await (await fetch(`${server.url}/docs`)).text()).toContain('docs/swagger-ui.css');
  for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js', 'start.js']) {
    const file = await fetch(`${server.url}/docs/${name}`);
    expect({ name, status: file.status }).toEqual({ name, status: 200 });
    expect((await file.bytes()).length).toBeGreaterThan(0);
  }
});

test('its other commands work on its data folder: add a user, find a message', async () => {
  expect(await run('user', 'add', 'carol', '--random-password')).toMatchObject({ code: 0, stderr: '' });
  const found = await run('inspect', 'first', '--json');
  expect(JSON.parse(found.stdout)).toMatchObject({ message: { from: 'alice', seq: 1 } });
  const { stdout } = await run('token', 'alice');
  expect((await call(server.url, '/v1/me', { token: stdout.trim() })).body).toMatchObject({ user_id: 'alice' });
});

test('it stops gracefully', async () => {
  expect(await server.stop()).toBe(0);
});

test('it runs itself again where a command needs further processes: gateways, and the server that bench measures', async () => {
  server = await startServer({
    dataDir: join(folder, 'data'),
    executable: { path: executable, cwd: folder },
    args: ['--gateways', '2'],
  });
  expect((await call(server.url, '/v1/me', { token: alice.token })).body).toMatchObject({ user_id: 'alice' });
  expect(await server.stop()).toBe(0);
  const measured = await run('bench', '--seconds', '1', '--rate', '100', '--json');
  expect(measured).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(measured.stdout).loads).toHaveLength(2);
});
