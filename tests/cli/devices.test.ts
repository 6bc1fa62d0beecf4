// Devices and tasks on the command line, and the examples of docs/devices.md as they stand there.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { freePort } from '@hongyan/testing/free-port';
import { until } from '@hongyan/testing/until';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

const page = await Bun.file(join(import.meta.dir, '../../docs/devices.md')).text();
let server: ServerProcess;
let key: string;

beforeAll(async () => {
  const dataDir = await dataFolder('cli-devices');
  server = await startServer({ dataDir, args: ['--operator-listen', `127.0.0.1:${freePort()}`] });
  key = (
    await hongyan(['key', 'create', 'registrar', '--scopes', 'devices:register', '--data', dataDir])
  ).stdout.trim();
}, 30_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const cli = (...words: readonly string[]) => hongyan([...words, '--data', server.dataDir]);

function exampleIn(language: string): string {
  const text = page.split(`\`\`\`${language}\n`).at(-1)?.split('\n```')[0];
  if (text === undefined) throw new Error(`docs/devices.md has no example in ${language}`);
  return text;
}

const examples: readonly [language: string, program: readonly string[], accepted: number][] = [
  ['sh', ['bash', '-euc'], 1],
  ['python', ['python3', '-c'], 2],
  ['typescript', [process.execPath, '-e'], 1],
];

test.each(examples)('[T10] the example in %s registers', async (language, program, accepted) => {
  const child = Bun.spawn([...program, exampleIn(language)], {
    env: { PATH: process.env.PATH ?? '', HONGYAN_URL: server.url, HONGYAN_KEY: key },
    stdout: 'pipe',
    stderr: 'inherit',
    timeout: 30_000,
  });
  const output = await new Response(child.stdout).text();
  expect(output).toMatch(new RegExp(`["']accepted["']: ?${accepted}\\b`));
});

test('[T13] devices are listed and counted beside the running server', async () => {
  await until(async () => (await cli('devices', 'count')).stdout.includes('4 devices in all'));
  const listed = (await cli('devices', 'list', '--json')).stdout.trim().split('\n');
  const tokens = listed.map((line) => (JSON.parse(line) as { device_token: string }).device_token);
  expect(tokens.toSorted()).toEqual(['from-curl-0001', 'from-python-0001', 'from-python-0002', 'from-typescript-0001']);
  expect((await cli('devices', 'list', '--model', 'none')).stdout).toBe('');
  expect((await cli('devices', 'list', '--limit', '1')).stdout.trim().split('\n')).toHaveLength(1);
  expect((await cli('devices', 'count', '--model', 'none', '--json')).stdout).toBe('');
  const counts = (await cli('devices', 'count', '--json')).stdout.trim();
  expect(JSON.parse(counts)).toEqual({ model: 'P1', firmware: '3.2.0', count: 4 });
});

test('[T3] tasks are shown, and dead letters named by task or by kind', async () => {
  await until(async () => (await cli('task', 'list')).stdout.includes('no tasks wait'));
  expect((await cli('task', 'dead')).stdout).toContain('no task was given up');
  expect((await cli('task', 'replay', '--kind', 'devices.register')).stdout).toContain('0 tasks');
  expect(await cli('task', 'discard', '17')).toMatchObject({
    code: 1,
    stdout: '0 tasks removed\n',
    stderr: expect.stringContaining('hongyan task dead lists them'),
  });
  expect((await cli('task', 'replay')).code).toBe(2);
});

test('bench devices registers what it is asked to, and none is missing', async () => {
  const { stdout, code } = await hongyan([
    ...['bench', 'devices', '--count', '20000', '--single-seconds', '1', '--connections', '4', '--json'],
    ...['--folder', server.dataDir],
  ]);
  expect(code).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { batch: number; stored: number; errors: number });
  expect(lines.map(({ batch, errors }) => [batch, errors])).toEqual([
    [1, 0],
    [100, 0],
    [100, 0],
  ]);
  expect((lines[2]?.stored ?? 0) - (lines[0]?.stored ?? 0)).toBe(20_000);
}, 60_000);
