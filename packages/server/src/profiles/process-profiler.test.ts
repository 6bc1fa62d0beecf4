// Real recordings of this process, read by Go's own pprof.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { functionTable } from '@hongyan/profile/functions';
import { WriterThread } from '../adapters/sqlite/writer-thread.ts';
import { ProcessProfiler } from './process-profiler.ts';
import { cpuStacks, gzippedPprof, heapProfile } from './profiled-process.ts';
import { ProfiledThreads } from './profiled-threads.ts';

// The first call of go tool pprof compiles it.
setDefaultTimeout(180_000);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hongyan-profiles-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function profiler() {
  const threads = new ProfiledThreads();
  return { threads, profiler: new ProcessProfiler({ name: 'server', threads, clock: systemClock }) };
}

/** Keeps the thread busy until the recording ends, in a function that the profile has to name. */
async function burnUntil(recording: Promise<unknown>): Promise<void> {
  let isOver = false;
  void recording.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    burnProcessor();
    await Bun.sleep(0);
  }
}

function burnProcessor(): number {
  let sum = 0;
  for (const endMs = performance.now() + 5; performance.now() < endMs; )
    for (let n = 0; n < 1000; n++) sum += Math.sqrt(n + sum);
  return sum;
}

async function goTool(...args: readonly string[]): Promise<string> {
  const tool = Bun.spawn(['go', 'tool', 'pprof', ...args], { stdout: 'pipe', stderr: 'pipe' });
  const [out, errors] = await Promise.all([new Response(tool.stdout).text(), new Response(tool.stderr).text()]);
  if ((await tool.exited) !== 0) throw new Error(`go tool pprof ${args.join(' ')}:\n${errors}`);
  return out;
}

const hasGo = Bun.which('go') !== null;
if (!hasGo && process.env.CI === 'true')
  throw new Error('these tests read profiles with go tool pprof: install golang');
if (!hasGo) console.warn('SKIPPED: go is not installed, so no profile is read by go tool pprof');

test('[O10] a CPU profile names the function that burns, its file and its line', async () => {
  const recording = profiler().profiler.cpu({ seconds: 1 });
  await burnUntil(recording);
  const threads = await recording;
  if (threads.type !== 'ok') throw new Error(threads.message);
  const profile = cpuStacks('server', threads.value);
  const [first] = functionTable(profile).functions;
  expect(first?.frame).toMatchObject({
    name: 'burnProcessor',
    file: 'packages/server/src/profiles/process-profiler.test.ts',
  });
  expect(first?.frame.line).toBeGreaterThan(30);
  if (!hasGo) return;
  const path = join(folder, 'cpu.pb.gz');
  await writeFile(path, gzippedPprof(profile));
  expect(await goTool('-top', '-nodecount=3', path)).toMatch(/^Type: cpu$[\s\S]*flat%[\s\S]*%.* burnProcessor$/m);
  const raw = await goTool('-raw', path);
  expect(raw).toContain('samples/count cpu/nanoseconds');
  expect(raw).toMatch(/thread:\[main\]/);
});

test('[O10] the writer threads are in the profile with their names', async () => {
  const { profiler: own, threads } = profiler();
  const worker = new URL('../adapters/sqlite/testing/notes.worker.ts', import.meta.url);
  const thread = new WriterThread<unknown, unknown>({ worker, init: join(folder, 'notes.db'), threads });
  await thread.ready();
  const cpu = await own.cpu({ seconds: 0.2 });
  const heap = await own.heap({ isFull: false });
  expect(cpu).toMatchObject({ type: 'ok', value: [{ thread: 'main' }, { thread: 'notes' }] });
  expect(heap).toMatchObject({ type: 'ok', value: [{ thread: 'main' }, { thread: 'notes' }] });
  await thread.close();
  expect(threads.all()).toEqual([]);
});

test('[O12] one profile of a process at a time: another is refused with what is running', async () => {
  const { profiler: own } = profiler();
  const first = own.cpu({ seconds: 0.2 });
  expect(await own.heap({ isFull: false })).toMatchObject({
    type: 'refused',
    code: 'conflict',
    message: expect.stringMatching(/server is busy with a CPU profile of 0.2 s, begun at \d{4}-/),
  });
  expect((await first).type).toBe('ok');
  expect((await own.heap({ isFull: false })).type).toBe('ok');
});

test('[O12] a recording whose asker has gone ends early', async () => {
  const gone = new AbortController();
  const recording = profiler().profiler.cpu({ seconds: 300, signal: gone.signal });
  gone.abort();
  expect((await recording).type).toBe('ok');
});

class Ballast {
  readonly text = 'x'.repeat(10);
}

test('[O10] a heap profile counts objects by class, with their sizes', async () => {
  const kept = Array.from({ length: 5000 }, () => new Ballast());
  const heap = await profiler().profiler.heap({ isFull: true });
  if (heap.type !== 'ok') throw new Error(heap.message);
  const ballast = heap.value[0]?.classes.find(({ name }) => name === 'Ballast');
  expect(ballast?.count).toBeGreaterThanOrEqual(kept.length);
  expect(ballast?.bytes).toBeGreaterThan(kept.length * 16);
  if (!hasGo) return;
  const path = join(folder, 'heap.pb.gz');
  await writeFile(path, gzippedPprof(heapProfile('server', heap.value, Date.now())));
  expect(await goTool('-top', '-nodecount=1000', '-nodefraction=0', path)).toMatch(
    /^Type: inuse_space$[\s\S]* Ballast$/m,
  );
});
