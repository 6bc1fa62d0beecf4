// hongyan bench, as a process: short and slow on purpose, for what it does and not for its figures.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { call, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { dataFolder, fromSources, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

const started: Bun.Subprocess[] = [];
afterAll(async () => {
  for (const bench of started) bench.kill();
  await Promise.all(started.map(({ exited }) => exited));
  await killServers();
  await removeDataFolders();
});

const short = ['--seconds', '1', '--rate', '100'];
const password = 'correct horse battery';

test('a server of its own is measured and nothing of it is left', async () => {
  const cwd = await dataFolder('bench');
  const { code, stdout, stderr } = await hongyan(['bench', ...short, '--json'], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { loads } = JSON.parse(stdout);
  expect(loads.map(({ load }: { load: string }) => load)).toEqual(['closed loop, 50 × 20', '100/s']);
  for (const { messages, lost, errors, ack_ms } of loads) {
    expect({ lost, errors }).toEqual({ lost: 0, errors: 0 });
    expect(messages).toBeGreaterThan(0);
    expect(ack_ms).toEqual(ack_ms.toSorted((a: number, b: number) => a - b));
  }
  expect(await readdir(cwd)).toEqual([]);
});

test('two accounts of a running server are measured, also when they have written before', async () => {
  const server = await startServer({ dataDir: await dataFolder('bench') });
  const alice = await signUp(server.url, 'alice');
  await signUp(server.url, 'bob');
  const bench = (stdin: string) =>
    hongyan(['bench', ...short, '--url', server.url, '--users', 'bob,alice', '--json'], { stdin });
  const passwords = `${password}\n${password}\n`;
  const runs = [await bench(passwords), await bench(passwords)];
  expect(runs.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
    { code: 0, stderr: '' },
    { code: 0, stderr: '' },
  ]);
  const { body } = await call(server.url, '/v1/conversations/d:alice:bob', { token: alice.token });
  const counted = runs.flatMap(({ stdout }) => JSON.parse(stdout).loads).reduce((sum, each) => sum + each.messages, 0);
  expect(body.last_seq).toBeGreaterThanOrEqual(counted);
  expect(await bench(`${password}\nnot the one\n`)).toMatchObject({
    code: 1,
    stderr: 'hongyan bench: wrong user id or password\n',
  });
});

test('what cannot be measured leaves with 2', async () => {
  for (const args of [
    ['--url', 'http://127.0.0.1:1'],
    ['--url', 'http://127.0.0.1:1', '--users', 'alice'],
    ['--url', 'http://127.0.0.1:1', '--users', 'alice,alice'],
    ['--seconds', '0'],
    ['--rate', 'fast'],
  ]) {
    expect(await hongyan(['bench', ...args])).toMatchObject({ code: 2, stdout: '' });
  }
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} while its server starts ends both, and removes the folder`, async () => {
    const { bench, cwd, server } = await startBench();
    bench.kill(signal);
    expect(await new Response(bench.stderr).text()).toContain(`hongyan bench: stopped by ${signal}`);
    expect({ code: await bench.exited, isServerThere: existsSync(`/proc/${server}`) }).toEqual({
      code: 1,
      isServerThere: false,
    });
    expect(await readdir(cwd)).toEqual([]);
  });
}

test('a server that dies under the load ends the run with the reason, and nothing is called lost', async () => {
  const { bench, cwd, server } = await startBench('--seconds', '600');
  const bytesOfMessages = () =>
    readdirSync(cwd, { recursive: true, withFileTypes: true })
      .filter(({ name }) => /^timeline-.*-wal$/.test(name))
      .reduce((sum, { name, parentPath }) => sum + statSync(join(parentPath, name)).size, 0);
  await until(() => bytesOfMessages() > 1_000_000, { withinMs: 50_000 });
  process.kill(server, 'SIGKILL');
  expect(await new Response(bench.stderr).text()).toMatch(/^hongyan bench: a connection to the server ended/m);
  expect(await new Response(bench.stdout).text()).toBe('');
  expect({ code: await bench.exited, left: await readdir(cwd) }).toEqual({ code: 1, left: [] });
});

/** The command with the process id of the server that it has just started. */
async function startBench(...args: readonly string[]) {
  const cwd = await dataFolder('bench');
  const bench = Bun.spawn([...fromSources, 'bench', ...args], { cwd, stdout: 'pipe', stderr: 'pipe' });
  started.push(bench);
  const children = () => readFileSync(`/proc/${bench.pid}/task/${bench.pid}/children`, 'utf8').trim();
  await until(() => children() !== '', { withinMs: 30_000 });
  return { bench, cwd, server: Number(children().split(' ')[0]) };
}
