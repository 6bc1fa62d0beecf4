// Workers on a real queue: what succeeds, what is tried again, what is given up, and what a kill does.

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { openSqliteTaskQueue } from '../../ports/task-queue/sqlite-task-queue.ts';
import type { TaskQueue } from '../../ports/task-queue/task-queue.ts';
import { GivenUp, type Work } from './work.ts';
import { type RunningWorker, startWorker } from './worker.ts';

let folder: string;
let queue: TaskQueue;
let worker: RunningWorker | undefined;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-worker-'));
  queue = await open();
});
afterEach(async () => {
  await worker?.drain();
  worker = undefined;
  await queue.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = () =>
  openSqliteTaskQueue({
    ...{ path: join(folder, 'tasks.db'), clock: systemClock, log: silentLog },
    ...{ tasksMax: 10_000, payloadMax: 1_000_000, deadLettersMax: 100 },
  });

function start(handle: Work['handle'], more: Partial<Work> = {}, leaseMs = 10_000): void {
  worker = startWorker({
    queue,
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    retry: { leaseMs, failuresMax: 3, backOffBaseMs: 2, backOffMaxMs: 10 },
    works: [{ kind: 'k', batchMax: 10, payloadMax: 1_000, atOnceMax: 2, handle, ...more }],
  });
}

const add = (...payloads: readonly string[]) => queue.add(payloads.map((payload) => ({ kind: 'k', payload })));
const isEmpty = async () =>
  (await queue.counts()).every(({ ready, delayed, claimed }) => ready + delayed + claimed === 0);
const deadTexts = async () => (await queue.deadLetters({ limit: 100 })).map(({ payload }) => payload).sort();

test('[T1] tasks are done in batches, by no more calls at once than stated', async () => {
  let atOnce = 0;
  let most = 0;
  const sizes: number[] = [];
  await add(...Array.from({ length: 100 }, (_, index) => `p${index}`));
  start(async (tasks) => {
    most = Math.max(most, ++atOnce);
    sizes.push(tasks.length);
    await Bun.sleep(2);
    atOnce--;
  });
  await until(isEmpty);
  expect(most).toBe(2);
  expect(Math.max(...sizes)).toBe(10);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100);
});

test('[T2] a task that fails is tried again and then given up; its neighbours in the batch are done once more, not lost', async () => {
  const done = new Set<string>();
  let tries = 0;
  await add('a', 'bad', 'b');
  start(async (tasks) => {
    for (const { payload } of tasks) {
      if (payload === 'bad') {
        tries++;
        throw new Error('broken');
      }
      done.add(payload);
    }
  });
  await until(isEmpty);
  expect([...done].sort()).toEqual(['a', 'b']);
  expect(await queue.deadLetters({ limit: 10 })).toMatchObject([
    { payload: 'bad', error: 'Error: broken', failureCount: 3 },
  ]);
  // Once among the others, then alone.
  expect(tries).toBe(4);
});

test('[T3] what no attempt can help is given up at once, and done when it is replayed', async () => {
  let isBroken = true;
  await add('a');
  start(async () => {
    if (isBroken) throw new GivenUp('unreadable');
  });
  await until(async () => (await deadTexts()).length === 1);
  isBroken = false;
  await queue.replay({ kind: 'k' });
  await until(isEmpty);
  expect(await deadTexts()).toEqual([]);
});

test('[T2] what the environment does is no failure of the task: it is tried until the store is back', async () => {
  let tries = 0;
  await add('a');
  start(async () => {
    if (++tries < 8) throw new StoreFailure('unavailable', 'the disk is full');
  });
  await until(isEmpty);
  expect(tries).toBe(8);
  expect(await deadTexts()).toEqual([]);
});

test('[T2] a task that takes longer than its lease is renewed, and so done once', async () => {
  let tries = 0;
  await add('a');
  start(
    async () => {
      tries++;
      await Bun.sleep(2_500);
    },
    {},
    1_000,
  );
  await until(isEmpty);
  expect(tries).toBe(1);
});

test('[T2] a task at which workers die again and again is given up, not tried for ever', async () => {
  await add('deadly');
  for (let death = 0; death < 3; death++) {
    await until(async () => (await queue.claim({ kind: 'k', limit: 1, payloadMax: 1, leaseMs: 1 })).length === 1);
    await Bun.sleep(2);
  }
  let tries = 0;
  start(async () => void tries++);
  await until(async () => (await deadTexts()).length === 1);
  expect(tries).toBe(0);
});

test('[T2] what a worker left is done one by one without the pause that lets tasks share a call', async () => {
  await add('a', 'b', 'c');
  await queue.claim({ kind: 'k', limit: 3, payloadMax: 1_000, leaseMs: 1 });
  const calls: string[][] = [];
  start(async (tasks) => void calls.push(tasks.map(({ payload }) => payload)), { minIntervalMs: 3_600_000 });
  await until(isEmpty);
  expect(calls.sort()).toEqual([['a'], ['b'], ['c']]);
});

test('[T7] a drain finishes what is under way and leaves the rest in the queue', async () => {
  const begun = Promise.withResolvers<void>();
  const done: string[] = [];
  await add('a', 'b', 'c');
  start(
    async ([task]) => {
      begun.resolve();
      await Bun.sleep(20);
      done.push(task?.payload ?? '');
    },
    { batchMax: 1, atOnceMax: 1 },
  );
  await begun.promise;
  await worker?.drain();
  expect(done).toHaveLength(1);
  expect(await queue.counts()).toMatchObject([{ ready: 2, claimed: 0 }]);
});

test('[T1][T8] killed again and again, every accepted task takes effect, and none of them twice', async () => {
  const random = createRandom(testSeed('worker'));
  const rounds = 12;
  const perRound = 200;
  const accepted = new Set<number>();
  await queue.close();
  for (let round = 0; round < rounds; round++) {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, 'testing/tallies.ts'), folder, String(perRound)], {
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const reading = new Response(child.stdout).text();
    await Bun.sleep(150 + random() * 150);
    child.kill('SIGKILL');
    await child.exited;
    for (const line of (await reading).split('\n').slice(0, -1)) accepted.add(Number(line));
  }
  queue = await open();
  const db = new Database(join(folder, 'tally.db'));
  start(
    async (tasks) => {
      for (const { payload } of tasks)
        db.run('INSERT INTO seen(no, sum) VALUES(?, 1) ON CONFLICT DO NOTHING', [Number(payload)]);
    },
    { kind: 'tally' },
    1_000,
  );
  await until(isEmpty, { withinMs: 30_000 });
  const rows = db.query<{ no: number; sum: number }, []>('SELECT no, sum FROM seen').all();
  db.close();
  const seen = new Map(rows.map(({ no, sum }) => [no, sum]));
  expect(accepted.size).toBeGreaterThan(0);
  expect([...accepted].filter((no) => seen.get(no) !== 1)).toEqual([]);
  expect(await deadTexts()).toEqual([]);
}, 60_000);
