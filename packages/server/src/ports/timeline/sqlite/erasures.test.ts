// Recalled text is in no byte of the folder: after pages were defragmented, beside traffic, over months, and after crashes [E5].

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { openReader } from '../../../adapters/sqlite/open.ts';
import { openSqliteTimeline } from '../sqlite-timeline.ts';
import { inMonth } from '../testing/entries.ts';
import { marksLeft, RecallTraffic } from '../testing/recall-traffic.ts';
import { tailOf } from '../testing/tail-of.ts';
import type { NewEntry } from '../timeline.ts';
import { toAppendOp } from './timeline-op.ts';
import { TimelineStore } from './timeline-store.ts';

const seed = testSeed('erasures');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-erasures-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const openStore = (dir = folder) => new TimelineStore({ folder: dir, tailLimits: tailOf(200) });
const openTimeline = (dir = folder) =>
  openSqliteTimeline({ dir, log: silentLog, tailLimits: tailOf(200), queueMax: 50_000, batchMax: 1_000 });

function commit(store: TimelineStore, batch: readonly NewEntry[]): void {
  const op = toAppendOp(batch);
  store.begin([op]);
  store.apply(op);
  store.commit();
}

/** Ten thousand messages whose pages were split many times, and then as many batches with recalls among other entries. */
function* recalling(store: TimelineStore, recalls: number, months = 1): Generator<ReadonlySet<string>> {
  const traffic = new RecallTraffic({ random: createRandom(seed), name: 'a', conversations: 80 });
  const recalled = new Set<string>();
  for (let batch = 0; batch < 100 + recalls; batch++) {
    const atMs = inMonth(Math.max(0, Math.floor(((batch - 100) * months) / recalls)));
    const next = traffic.batch({ size: 100, recalls: batch < 100 ? 0 : 0.2, atMs });
    commit(store, next.batch);
    for (const mark of next.recalled) recalled.add(mark);
    for (let steps = 0; steps < 20 && store.upkeep(); steps++);
    if (batch >= 100) yield recalled;
  }
}

const last = <T>(values: Iterable<T>): T | undefined => [...values].at(-1);

for (const [when, months] of [
  ['in the month being written', 1],
  ['in older months', 3],
] as const) {
  test(`[E5] of a thousand recalled messages nothing is left in any file after the stop: ${when}`, () => {
    const store = openStore();
    const recalled = last(recalling(store, 50, months)) ?? new Set();
    store.close();
    expect(recalled.size).toBeGreaterThan(1_000);
    expect(marksLeft(folder, recalled)).toEqual([]);
    expectSound(folder);
  }, 30_000);

  test(`[E5] nothing is left in any file of a running store, with traffic and without it afterwards: ${when}`, async () => {
    const timeline = await openTimeline();
    const traffic = new RecallTraffic({ random: createRandom(seed), name: 'a', conversations: 80 });
    const recalled = new Set<string>();
    const run = async (batches: number, recalls: number, month: number) => {
      for (let count = 0; count < batches; count++) {
        const next = traffic.batch({ size: 100, recalls, atMs: inMonth(month) });
        await timeline.append(next.batch);
        for (const mark of next.recalled) recalled.add(mark);
      }
    };
    await run(100, 0, 0);
    for (let month = 0; month < months; month++) await run(Math.ceil(50 / months), 0.2, month);
    await until(async () => {
      await run(1, 0, months - 1);
      return marksLeft(folder, recalled).length === 0;
    });
    await run(5, 0.2, months - 1);
    await until(() => marksLeft(folder, recalled).length === 0);
    await timeline.close();
    expect(marksLeft(folder, recalled)).toEqual([]);
  }, 30_000);
}

/** A copy of the files as a crash would leave them. */
function imageOf(name: string): string {
  const image = join(folder, name);
  for (const file of readdirSync(folder)) {
    if (/\.db(-wal)?$/.test(file)) cpSync(join(folder, file), join(image, file));
  }
  return image;
}

function expectSound(dir: string): void {
  for (const file of readdirSync(dir).filter((name) => name.endsWith('.db'))) {
    const db = new Database(join(dir, file));
    expect(db.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    db.close();
  }
}

test('[E5] a crash between any two steps of a sweep leaves whole files, and the next run finishes it', () => {
  const store = openStore();
  const recalled = new Set(last(recalling(store, 20, 2)));
  for (let step = 0, isMore = true; isMore && step < 100; step++) {
    for (let steps = 0; steps < 5 && isMore; steps++) isMore = store.upkeep();
    const image = imageOf(`image ${step}`);
    openStore(image).close();
    expect(marksLeft(image, recalled)).toEqual([]);
    expectSound(image);
    rmSync(image, { recursive: true });
  }
  store.close();
}, 60_000);

test('[E5] content that a reader holds in the log is erased once the reader ends', async () => {
  const store = openStore();
  const recalled = last(recalling(store, 1)) ?? new Set();
  const reader = openReader(join(folder, 'timeline-2026-01.db'));
  reader.run('BEGIN');
  reader.query('SELECT count(*) FROM entry').get();
  const traffic = new RecallTraffic({ random: createRandom(seed), name: 'b', conversations: 1 });
  commit(store, traffic.batch({ size: 100 }).batch);
  const late = traffic.batch({ size: 50, recalls: 1, edits: 0 });
  commit(store, late.batch);
  const all = new Set([...recalled, ...late.recalled]);
  let isMore = true;
  for (const endMs = performance.now() + 1_500; isMore && performance.now() < endMs; ) isMore = store.upkeep();
  expect(isMore).toBe(true);
  expect(marksLeft(folder, all)).not.toEqual([]);
  reader.run('COMMIT');
  reader.close();
  await until(() => !store.upkeep());
  expect(marksLeft(folder, all)).toEqual([]);
  store.close();
}, 30_000);

test('[E5] kill -9 at random moments leaves intact files, and the next start completes acknowledged erasures', async () => {
  const random = createRandom(seed);
  const program = join(import.meta.dir, '../testing/endless-recaller.ts');
  const recalled = new Set<string>();
  for (let round = 0; round < 8; round++) {
    const args = [folder, round.toString(36), String(seed + round), String(round * 20)];
    const recaller = Bun.spawn([process.execPath, program, ...args], { stdout: 'pipe', stderr: 'inherit' });
    const killing = Bun.sleep(500 + random() * 1_500).then(() => recaller.kill('SIGKILL'));
    const lines = (await new Response(recaller.stdout).text()).split('\n').slice(0, -1);
    await killing;
    for (const mark of lines) recalled.add(mark);
    expectSound(imageOf(`image ${round}`));
  }
  const timeline = await openTimeline();
  await until(() => marksLeft(folder, recalled).length === 0);
  await timeline.close();
  expect(recalled.size).toBeGreaterThan(500);
  expect(marksLeft(folder, recalled)).toEqual([]);
  expectSound(folder);
}, 60_000);
