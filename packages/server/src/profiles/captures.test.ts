import { afterAll, afterEach, expect, test } from 'bun:test';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import { decodePprof } from '@hongyan/profile/pprof';
import { refusal } from '@hongyan/protocol/refusals';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { Captures } from './captures.ts';
import { ProfileFiles } from './profile-files.ts';
import type { ProfiledProcess, ThreadCpu } from './profiled-process.ts';

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const threads: readonly ThreadCpu[] = [
  {
    thread: 'main',
    profile: {
      nodes: [
        {
          id: 1,
          callFrame: { functionName: 'page', url: 'file:///x/packages/a.ts', lineNumber: 4, columnNumber: 0 },
        },
      ],
      startTime: 1,
      endTime: 2,
      samples: [1, 1],
      timeDeltas: [1000, 1000],
    },
  },
];

const fake = (name: string): ProfiledProcess => ({
  name,
  cpu: async () => ok(threads),
  heap: async () => ok([{ thread: 'main', classes: [{ name: 'Map', count: 3, bytes: 96 }] }]),
  heapSnapshot: async () => refusal.profiling(name, 'nothing'),
});

interface Given {
  readonly processes?: readonly ProfiledProcess[];
  readonly countMax?: number;
  readonly bytesMax?: number;
}

async function open({ processes = [fake('server')], countMax = 3, bytesMax = 1e6 }: Given = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-captures-'));
  folders.push(folder);
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line) });
  const files = new ProfileFiles({ folder: join(folder, 'profiles'), countMax, bytesMax, log });
  const captures = new Captures({
    files,
    processes: () => processes,
    seconds: 10,
    pauseMs: 60_000,
    clock,
    log,
  });
  opened.push(captures);
  return { captures, files, clock, lines, folder: join(folder, 'profiles') };
}
const opened: Captures[] = [];
afterEach(async () => {
  for (const captures of opened.splice(0)) await captures.close();
});

const manual = { type: 'manual', detail: 'asked for' } as const;

test('[O13] a kept profile has its reason, its hottest functions and both files, and the log says where it lies', async () => {
  const { captures, files, lines, folder } = await open();
  const taken = await captures.take({ process: 'server', reason: manual });
  if (taken.type !== 'ok') throw new Error(taken.message);
  const { id } = taken.value;
  expect(id).toBe('20231114T221320.000Z-server');
  expect(await files.list()).toEqual([taken.value]);
  expect(taken.value).toMatchObject({
    seconds: 10,
    reason: manual,
    top: [{ name: 'page', file: 'packages/a.ts', line: 5, share: 1 }],
  });
  const heap = await files.file(id, 'heap.pb.gz');
  expect(heap && (await decodePprof(heap)).stacks).toMatchObject([{ frames: [{ name: 'Map' }], values: [3, 96] }]);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ message: 'profile stored', id, folder: join(folder, id) });
  expect((await stat(join(folder, id))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, id, 'cpu.pb.gz'))).mode & 0o777).toBe(0o600);
});

test('[O13] the oldest go beyond the number and beyond the bytes; the newest stays', async () => {
  const { captures, files, clock } = await open({ countMax: 2 });
  for (let taken = 0; taken < 3; taken++) {
    await captures.take({ process: 'server', reason: manual });
    clock.advance(1000);
  }
  expect((await files.list()).map(({ taken_at }) => taken_at % 10_000)).toEqual([2000, 1000]);
  const tight = await open({ bytesMax: 1 });
  await tight.captures.take({ process: 'server', reason: manual });
  tight.clock.advance(1000);
  await tight.captures.take({ process: 'server', reason: manual });
  expect((await tight.files.list()).map(({ taken_at }) => taken_at % 10_000)).toEqual([1000]);
});

test('[O13] what a crash left half written is no profile, and goes with the next one', async () => {
  const { captures, files, folder } = await open();
  await mkdir(join(folder, '.draft-20231114T221319.000Z-server'), { recursive: true });
  expect(await files.list()).toEqual([]);
  await captures.take({ process: 'server', reason: manual });
  expect(await readdir(folder)).toEqual(['20231114T221320.000Z-server']);
});

test('[O13] a record that a loss of power left empty, or that is none of ours, is left out and logged, and goes in its turn', async () => {
  const { captures, files, clock, lines, folder } = await open();
  const ids: string[] = [];
  const take = async () => {
    const taken = await captures.take({ process: 'server', reason: manual });
    if (taken.type === 'ok') ids.push(taken.value.id);
    clock.advance(1000);
  };
  for (let taken = 0; taken < 3; taken++) await take();
  const [empty = '', foreign = '', whole = ''] = ids;
  await writeFile(join(folder, empty, 'profile.json'), '');
  await writeFile(join(folder, foreign, 'profile.json'), '{}');
  lines.length = 0;
  expect((await files.list()).map(({ id }) => id)).toEqual([whole]);
  const logged = lines.map((line) => JSON.parse(line) as { readonly level: string; readonly id: string });
  expect(logged.map(({ level, id }) => `${level} ${id}`).sort()).toEqual([`warn ${empty}`, `warn ${foreign}`]);
  expect(await files.get(empty)).toBeUndefined();
  await take();
  expect((await readdir(folder)).sort()).toEqual(ids.slice(1));
});

test('[O13] captures of many processes at once are all kept', async () => {
  const processes = Array.from({ length: 20 }, (_, index) => fake(`gateway-${index}`));
  const { captures, files } = await open({ processes, countMax: 50 });
  const taken = await Promise.all(processes.map(({ name }) => captures.take({ process: name, reason: manual })));
  expect(taken.map(({ type }) => type)).toEqual(processes.map(() => 'ok'));
  expect(await files.list()).toHaveLength(processes.length);
});

test('[O13] ids and names that are not ours reach no file', async () => {
  const { captures, files } = await open();
  await captures.take({ process: 'server', reason: manual });
  expect(await files.get('../profiles/20231114T221320.000Z-server')).toBeUndefined();
  expect(await files.file('20231114T221320.000Z-server', '../../secret')).toBeUndefined();
  expect(await files.file('20231114T221320.000Z-server', 'profile.json')).toBeUndefined();
});

test('[O14] what asks by itself takes one profile of each process within the pause', async () => {
  const { captures, files, clock } = await open({ processes: [fake('server'), fake('gateway-1')], countMax: 9 });
  const alert = { type: 'alert', detail: 'SlowSends' } as const;
  expect(captures.automatic(alert, ['gateway-1'])).toEqual(['gateway-1']);
  expect(captures.automatic(alert)).toEqual(['server']);
  clock.advance(59_999);
  expect(captures.automatic(alert)).toEqual([]);
  clock.advance(1);
  expect(captures.automatic(alert)).toEqual(['server', 'gateway-1']);
  await captures.close();
  expect(await files.list()).toHaveLength(4);
});

test('[O14] a profile that cannot be taken is a line in the log', async () => {
  const busy: ProfiledProcess = { ...fake('server'), cpu: async () => refusal.profiling('server', 'a heap snapshot') };
  const failing: ProfiledProcess = { ...fake('gateway-1'), cpu: () => Promise.reject(new Error('no inspector')) };
  const { captures, files, lines } = await open({ processes: [busy, failing] });
  captures.automatic({ type: 'watchdog', detail: 'late' });
  await captures.close();
  expect(await files.list()).toEqual([]);
  expect(lines.join('\n')).toContain('busy with a heap snapshot');
  expect(lines.join('\n')).toContain('no inspector');
});
