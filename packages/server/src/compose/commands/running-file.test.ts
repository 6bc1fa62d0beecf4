import { afterAll, expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from '../../adapters/sqlite/folder-lock.ts';
import { findRunning, writeRunning } from './running-file.ts';

const data = await mkdtemp(join(tmpdir(), 'hongyan-running-'));
afterAll(() => rm(data, { recursive: true, force: true }));

const running = (port: number) => ({ pid: process.pid, startedAtMs: 0, operatorUrl: `http://127.0.0.1:${port}` });

test('[O3] what a killed server left is not believed, also where another process has its number', async () => {
  await writeRunning(data, running(1));
  expect(await findRunning(data)).toBeUndefined();
  const lock = lockFolder(data);
  expect(await findRunning(data)).toMatchObject(running(1));
  lock.release();
  expect(await findRunning(data)).toBeUndefined();
});

test('[O3] the processes of a cluster are found on the folder of a server that was killed', async () => {
  await writeRunning(data, running(1));
  const nodes = ['core', 'gateway'].map((name) => join(data, 'nodes', name));
  for (const [index, node] of nodes.entries()) {
    await mkdir(node, { recursive: true });
    await writeRunning(node, { ...running(2 + index), roles: [index === 0 ? 'core' : 'gateway'] });
  }
  const locks = nodes.map((node) => lockFolder(node));
  expect(await findRunning(data)).toMatchObject(running(2));
  locks[0]?.release();
  expect(await findRunning(data)).toMatchObject(running(3));
  locks[1]?.release();
});
