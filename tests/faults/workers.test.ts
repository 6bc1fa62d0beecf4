// Competing workers of a Kafka queue, in processes of their own: killed, stopped, paused, added, and their broker killed under them.

import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { openTaskQueue } from './task-queue.ts';

const events = Number(process.env.HONGYAN_FAULT_ROUNDS ?? 12);
const pauseMsMax = 3_000;
const workersMax = 4;
/** Longer than the others take a silent worker for alive. */
const pausedMs = 13_000;

describeWith(['kafka'], 'competing workers', () => {
  test(`[T1][T2][T8] ${events} kills, stops and joins, a pause and a kill of the broker among them: every accepted task is done, by one worker at a time`, async () => {
    const random = createRandom(testSeed('workers'));
    const services = await ownServices({ parts: ['kafka'] });
    const folder = mkdtempSync(join(tmpdir(), 'hongyan-workers-'));
    const crowd = new Workers({ broker: services.addresses.kafka?.brokers[0] ?? '', folder });
    try {
      const queue = await openTaskQueue({ broker: crowd.broker, prefix: crowd.prefix, log: silentLog });
      const accepted = new Set<number>();
      const stop = new AbortController();
      const adding = addTasks(queue, accepted, stop.signal);
      await crowd.start();
      await crowd.start();
      const broker = services.server('kafka-1');
      for (let event = 0; event < events; event++) {
        await Bun.sleep(random() * pauseMsMax);
        if (event === Math.floor(events / 2)) {
          await broker.kill();
          await Bun.sleep(random() * 2_000);
          await broker.start();
        } else if (event === Math.floor(events / 4)) await crowd.pause();
        else await crowd.change(random());
      }
      stop.abort();
      await adding;
      if (crowd.size === 0) await crowd.start();
      await until(
        async () => (await queue.counts()).every(({ ready, delayed, claimed }) => ready + delayed + claimed === 0),
        {
          withinMs: 120_000,
          what: 'every task done',
        },
      );
      const runs = crowd.runs();
      const finished = new Set(runs.filter(({ ended_at }) => ended_at !== null).map(({ task }) => task));
      expect(accepted.size).toBeGreaterThan(100);
      expect([...accepted].filter((task) => !finished.has(task))).toEqual([]);
      expect(await queue.deadLetters({ limit: 10 })).toEqual([]);
      expect(overlaps(runs, crowd.stoodStillAt)).toEqual([]);
      console.log(`${accepted.size} tasks accepted, ${runs.length} runs, ${runs.length - finished.size} of them again`);
      await queue.close();
    } finally {
      await crowd.end();
      await services.down();
      rmSync(folder, { recursive: true });
    }
  }, 400_000);
});

async function addTasks(
  queue: Awaited<ReturnType<typeof openTaskQueue>>,
  accepted: Set<number>,
  signal: AbortSignal,
): Promise<void> {
  for (let task = 1; !signal.aborted; task += 3) {
    const three = [task, task + 1, task + 2];
    try {
      await queue.add(three.map((no) => ({ kind: 'tally', payload: String(no) })));
      for (const no of three) accepted.add(no);
    } catch {
      // While the broker is down nothing is promised.
    }
    await Bun.sleep(10);
  }
}

interface Run {
  readonly task: number;
  readonly pid: number;
  readonly began_at: number;
  readonly ended_at: number | null;
}

/** Runs of one task that began before the one before them had ended. One that was under way when its process stood still ended then. */
function overlaps(runs: readonly Run[], stoodStillAt: ReadonlyMap<number, readonly number[]>): readonly Run[][] {
  const pairs: Run[][] = [];
  for (const ofTask of Map.groupBy(runs, ({ task }) => task).values()) {
    const sorted = ofTask.toSorted((a, b) => a.began_at - b.began_at);
    for (const [index, run] of sorted.entries()) {
      const before = sorted[index - 1];
      if (before === undefined) continue;
      const stillMs = stoodStillAt.get(before.pid)?.find((atMs) => atMs >= before.began_at) ?? Number.POSITIVE_INFINITY;
      const endMs = Math.min(before.ended_at ?? stillMs, stillMs);
      if (run.began_at < endMs) pairs.push([before, run]);
    }
  }
  return pairs;
}

class Workers {
  readonly broker: string;
  readonly prefix = `workers-${randomUUID().slice(0, 8)}.`;
  /** When each process was paused, and when it was killed or had ended. */
  readonly stoodStillAt = new Map<number, number[]>();
  readonly #file: string;
  readonly #db: Database;
  readonly #running: Bun.Subprocess<'ignore', 'pipe', 'inherit'>[] = [];

  constructor({ broker, folder }: { readonly broker: string; readonly folder: string }) {
    this.broker = broker;
    this.#file = join(folder, 'runs.db');
    this.#db = new Database(this.#file, { create: true });
    this.#db.run('PRAGMA journal_mode = WAL');
    this.#db.run(
      'CREATE TABLE run(no INTEGER PRIMARY KEY, task INTEGER, pid INTEGER, began_at INTEGER, ended_at INTEGER)',
    );
  }

  get size(): number {
    return this.#running.length;
  }

  async start(): Promise<void> {
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, 'task-worker.ts'), this.broker, this.prefix, this.#file],
      { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    );
    this.#running.push(child);
    await child.stdout.getReader().read();
  }

  /** One more, or one fewer: by kill -9 or in order. `chance`: 0 ≤ x < 1. */
  async change(chance: number): Promise<void> {
    if (this.size < 2 || (chance < 0.4 && this.size < workersMax)) return this.start();
    const [child] = this.#running.splice(0, 1);
    child?.kill(chance < 0.75 ? 'SIGKILL' : 'SIGTERM');
    await child?.exited;
    if (child) this.#standsStill(child.pid);
  }

  /** One of them, for longer than the others wait for it. */
  async pause(): Promise<void> {
    const [child] = this.#running;
    if (child === undefined) return;
    child.kill('SIGSTOP');
    // A signal takes a moment, in which tasks may begin.
    await until(async () => / T /.test(await Bun.file(`/proc/${child.pid}/stat`).text()), {
      what: 'a worker to stand still',
    });
    this.#standsStill(child.pid);
    await Bun.sleep(pausedMs);
    child.kill('SIGCONT');
  }

  #standsStill(pid: number): void {
    this.stoodStillAt.set(pid, [...(this.stoodStillAt.get(pid) ?? []), Date.now()]);
  }

  runs(): readonly Run[] {
    return this.#db.query<Run, []>('SELECT task, pid, began_at, ended_at FROM run').all();
  }

  async end(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ exited }) => exited));
    this.#db.close();
  }
}
