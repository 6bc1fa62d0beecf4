// CPU time by thread is checked on a real process: a worker with a name, a worker without, and a main thread that idles.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuOf, cpuSum, threadsBetween, threadsOf } from './process-stats.ts';

/** Each worker burns its CPU time once and reports; nothing runs afterwards. */
const burnS = 0.1;
/** Three threads that need the processor wait for it on a busy machine. */
const timeoutMs = 30_000;
const workerSource = `
const until = process.threadCpuUsage().user + ${burnS * 1e6};
while (process.threadCpuUsage().user < until);
postMessage('done');
setInterval(() => {}, 1000);
`;
const mainSource = `
const workers = [new Worker('./worker.ts', { name: 'timeline' }), new Worker('./worker.ts')];
await Promise.all(workers.map((worker) => new Promise((resolve) => { worker.onmessage = resolve; })));
console.log('done');
`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'process-stats-'));
  writeFileSync(join(folder, 'worker.ts'), workerSource);
  writeFileSync(join(folder, 'main.ts'), mainSource);
});
afterAll(() => rmSync(folder, { recursive: true }));

test(
  'CPU time is attributed to named workers, to unnamed ones by their order, and adds up to the process',
  async () => {
    const child = Bun.spawn([process.execPath, 'main.ts'], { cwd: folder, stdout: 'pipe', stderr: 'inherit' });
    try {
      const { value } = await child.stdout.getReader().read();
      expect(new TextDecoder().decode(value)).toBe('done\n');
      const threads = threadsOf(child.pid);
      const names = threads.map(({ name }) => name);
      expect(names).toEqual(['main', 'timeline writer', 'worker 1', 'rest']);
      const secondsOf = (wanted: string): number =>
        threads.filter(({ name }) => name === wanted).reduce((sum, cpu) => sum + cpuSum(cpu), 0);
      // Two units of /proc below what each burnt: they are rounded down.
      expect(secondsOf('timeline writer')).toBeGreaterThanOrEqual(burnS - 0.02);
      expect(secondsOf('worker 1')).toBeGreaterThanOrEqual(burnS - 0.02);
      const sum = threads.reduce((total, cpu) => total + cpuSum(cpu), 0);
      expect(sum).toBeLessThanOrEqual(cpuSum(cpuOf(child.pid)) + 1e-9);
    } finally {
      child.kill('SIGKILL');
      await child.exited;
    }
  },
  timeoutMs,
);

test('a thread that started in between counts from zero', () => {
  const before = [{ name: 'main', userS: 1, systemS: 2 }];
  const after = [
    { name: 'main', userS: 1.5, systemS: 2.25 },
    { name: 'worker 1', userS: 3, systemS: 4 },
  ];
  expect(threadsBetween(before, after)).toEqual([
    { name: 'main', userS: 0.5, systemS: 0.25 },
    { name: 'worker 1', userS: 3, systemS: 4 },
  ]);
});

test('a process that has ended costs nothing', async () => {
  const child = Bun.spawn([process.execPath, '--version'], { stdout: 'ignore' });
  await child.exited;
  expect(threadsOf(child.pid).every((cpu) => cpuSum(cpu) === 0)).toBe(true);
});
