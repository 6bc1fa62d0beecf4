// The lock of a data folder, between connections and between processes.

import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from './folder-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'hongyan-lock-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a locked folder is refused until its lock is released', () => {
  const lock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow('another server runs on the data folder');
  lock.release();
  lockFolder(folder).release();
});

test('the lock of a process that was killed is free', async () => {
  // The holder keeps the lock in a variable, because an unreferenced lock is garbage collected and its file is released.
  const hold = `globalThis.lock = (await import(${JSON.stringify(join(import.meta.dir, 'folder-lock.ts'))})).lockFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
  const holder = Bun.spawn([process.execPath, '-e', hold], { stdout: 'pipe', stderr: 'ignore', timeout: 10_000 });
  try {
    await holder.stdout.getReader().read();
    expect(() => lockFolder(folder)).toThrow('another server runs');
  } finally {
    holder.kill('SIGKILL');
    await holder.exited;
  }
  lockFolder(folder).release();
});
