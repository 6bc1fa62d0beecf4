// The command line and its running server: found by the data folder, whatever address it listens on.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { lockFolder } from '@hongyan/server/adapters/sqlite/folder-lock';
import { writeRunning } from '@hongyan/server/compose/commands/running-file';
import { readOrCreateOperatorToken } from '@hongyan/server/config/operator-token';
import { freePort } from '@hongyan/testing/free-port';
import { until } from '@hongyan/testing/until';
import { version } from '../../packages/server/src/compose/version.ts';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

setDefaultTimeout(60_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

for (const gateways of ['1', '2']) {
  test(`[O3] hongyan status says that a server with ${gateways} gateway processes is ready, and which checks say so`, async () => {
    const server = await startServer({ dataDir: await dataFolder('status'), args: ['--gateways', gateways] });
    const status = await hongyan(['status', '--data', server.dataDir, '--json']);
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(status.stdout)).toMatchObject({
      status: 'ready',
      checks: { stores: { status: 'ok' }, disk: expect.anything() },
      connections: 0,
      sends_per_s: 0,
      queues: [],
      processes: expect.arrayContaining([expect.objectContaining({ name: 'core', is_up: true })]),
    });
    const { stdout: screen } = await hongyan(['status', '--data', server.dataDir]);
    expect(screen).toStartWith(`ready: hongyan ${version} at ${server.url}, up for `);
    for (const name of ['connections', 'messages', 'send → ack', 'queues', 'memory', 'stores'])
      expect(screen).toContain(name);
    expect(screen.split('\n').length).toBeLessThanOrEqual(24);
    await server.stop();
    expect(existsSync(join(server.dataDir, 'running.json'))).toBe(false);
    expect(await hongyan(['status', '--data', server.dataDir])).toEqual({
      code: 1,
      stdout: '',
      stderr: `hongyan status: no server runs on the folder ${server.dataDir}; start one, or give its data folder with --data\n`,
    });
  });
}

test('nodes and drain say so where there is no cluster', async () => {
  const { dataDir } = await startServer({ dataDir: await dataFolder('status') });
  for (const args of [['nodes'], ['drain', 'one']])
    expect(await hongyan([...args, '--data', dataDir])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`the server on ${dataDir} is not part of a cluster`),
    });
});

test('[O1] a server that was killed is told apart from one that never ran', async () => {
  const server = await startServer({ dataDir: await dataFolder('status') });
  await server.kill();
  expect(await hongyan(['status', '--data', server.dataDir])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('was killed: start it again'),
  });
});

test('[O3] the operator token is not sent to what listens where a server that was killed did', async () => {
  const port = freePort();
  const args = ['--operator-listen', `127.0.0.1:${port}`];
  const server = await startServer({ dataDir: await dataFolder('status'), args });
  await server.kill();
  // As after a restart of the machine: a process that lives has the number of the one that was killed.
  const file = join(server.dataDir, 'running.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), pid: process.pid }));
  const told: (string | null)[] = [];
  using _other = Bun.serve({
    hostname: '127.0.0.1',
    port,
    fetch(request) {
      told.push(request.headers.get('authorization'));
      return new Response('another program');
    },
  });
  for (const command of ['status', 'reload', 'log-level'])
    expect(await hongyan([command, '--data', server.dataDir])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('was killed: start it again'),
    });
  expect(told).toEqual([]);
});

test("[O3] an answer that is not the server's is told as one", async () => {
  const dataDir = await dataFolder('status');
  const server = await startServer({ dataDir });
  await until(() => server.output().includes('Hongyan is ready'));
  using other = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('another program') });
  const file = join(dataDir, 'running.json');
  writeFileSync(file, JSON.stringify({ pid: server.pid, startedAtMs: 0, operatorUrl: other.url.origin }));
  for (const command of ['status', 'log-level'])
    expect(await hongyan([command, '--data', dataDir])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${other.url.origin} is not a Hongyan operator listener`),
    });
});

test('[O3] where a process of a cluster does not answer, the file is named that says where it listens', async () => {
  const dataDir = await dataFolder('status');
  const node = join(dataDir, 'nodes', 'core-1');
  mkdirSync(node, { recursive: true });
  await readOrCreateOperatorToken(dataDir, silentLog);
  await writeRunning(node, {
    ...{ pid: process.pid, startedAtMs: 0, roles: ['core'] },
    operatorUrl: `http://127.0.0.1:${freePort()}`,
  });
  const lock = lockFolder(node);
  expect(await hongyan(['nodes', '--data', dataDir])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`which ${join(node, 'running.json')} names`),
  });
  lock.release();
});

test("[O1] --operator-listen '' opens no listener and makes no token; another address is taken", async () => {
  const none = await startServer({ dataDir: await dataFolder('status'), args: ['--operator-listen', ''] });
  expect(existsSync(join(none.dataDir, 'operator-token'))).toBe(false);
  expect((await hongyan(['status', '--data', none.dataDir])).stderr).toContain('start it with --operator-listen');
  const port = freePort();
  const named = await startServer({
    dataDir: await dataFolder('status'),
    args: ['--operator-listen', `127.0.0.1:${port}`],
  });
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  const taken = await hongyan([
    ...['start', '--listen', '127.0.0.1:0', '--data', await dataFolder('status')],
    ...['--operator-listen', `127.0.0.1:${port}`],
  ]);
  expect(taken).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('set another address with --operator-listen'),
  });
  const token = readFileSync(join(named.dataDir, 'operator-token'), 'utf8').trim();
  expect(named.output()).not.toContain(token);
});

test('[O6] hongyan log-level shows the level and changes it', async () => {
  const { dataDir } = await startServer({ dataDir: await dataFolder('status') });
  const run = (...args: readonly string[]) => hongyan(['log-level', ...args, '--data', dataDir]);
  expect((await run()).stdout).toBe('info\n');
  expect((await run('debug', '--for', '300')).stdout).toBe('the log level is debug, for 300 s\n');
  expect((await run()).stdout).toBe('debug\n');
  expect(await run('loud')).toMatchObject({ code: 2, stderr: 'hongyan: give one level: debug, info, warn, error\n' });
  expect(await run('--for', '3')).toMatchObject({ code: 2, stderr: 'hongyan: --for requires a level\n' });
});
