// The SQLite task queue: its contract, and the effects of disk failures and kills on its file.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { openSqliteTaskQueue } from './sqlite-task-queue.ts';
import { boundsUnderTest, taskQueueContract } from './testing/contract.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'hongyan-tasks-'));
const open = (path: string, { clock = systemClock, maxBytes }: { clock?: Clock; maxBytes?: number } = {}) =>
  openSqliteTaskQueue({ path, clock, log: silentLog, maxBytes, ...boundsUnderTest });

taskQueueContract('sqlite task queue', async () => {
  const folder = newFolder();
  const path = join(folder, 'tasks.db');
  const clock = new ManualClock();
  const queue = await open(path, { clock });
  let current = queue;
  return {
    queue,
    pass: async (ms) => clock.advance(ms),
    async reopen() {
      await current.close();
      current = await open(path, { clock });
      return current;
    },
    async remove() {
      await current.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

let folder: string;
beforeEach(() => {
  folder = newFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

test('[T1] a full disk rejects a task as unavailable and keeps the earlier ones; their end makes room', async () => {
  const path = join(folder, 'tasks.db');
  const queue = await openSqliteTaskQueue({
    ...{ path, clock: systemClock, log: silentLog, maxBytes: 100 * 1024 },
    ...{ tasksMax: 1_000, payloadMax: 10_000_000, deadLettersMax: 10 },
  });
  const big = { kind: 'k', payload: 'x'.repeat(20_000) };
  await queue.add([big]);
  expect(await rejectionOf(queue.add(Array.from({ length: 10 }, () => big)))).toHaveProperty('code', 'unavailable');
  expect(await queue.counts()).toMatchObject([{ ready: 1 }]);
  const claimed = await queue.claim({ kind: 'k', limit: 1, payloadMax: 1, leaseMs: 1_000 });
  await queue.settle(claimed.map((claim) => ({ claim, outcome: { type: 'done' as const } })));
  await queue.add([big]);
  await queue.close();
});

test('[T1] a file of another program or of a later version is refused and left as it is', async () => {
  const path = join(folder, 'tasks.db');
  await (await open(path)).close();
  const { Database } = await import('bun:sqlite');
  const db = new Database(path);
  db.run('PRAGMA user_version = 99');
  expect(String(await rejectionOf(open(path)))).toContain('later version');
  db.run('PRAGMA application_id = 5');
  expect(String(await rejectionOf(open(path)))).toContain('no task queue');
  db.close();
});
