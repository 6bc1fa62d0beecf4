import { expect, test } from 'bun:test';
import { type CpuProfile, cpuProfileStacks } from './cpu-profile.ts';
import { flameTree, nodesBelow, pathTo } from './flame-tree.ts';
import { functionTable } from './functions.ts';
import { decodePprof, encodePprof } from './pprof.ts';
import { joined } from './profile.ts';

const callFrame = (functionName: string, lineNumber = -1, url = '') => ({
  functionName,
  url,
  lineNumber,
  columnNumber: 0,
});
const source = 'file:///srv/app/packages/server/src/history.ts';

/** root → page → decode → decode, and page alone; the thread sleeps for a second in between. */
const sampled: CpuProfile = {
  nodes: [
    { id: 1, callFrame: callFrame('(root)'), children: [2] },
    { id: 2, callFrame: callFrame('page', 9, source), children: [3] },
    { id: 3, callFrame: callFrame('decode', 19, source), children: [4] },
    { id: 4, callFrame: callFrame('decode', 19, source) },
  ],
  startTime: 1_700_000_000_000_000,
  endTime: 1_700_000_001_004_000,
  samples: [2, 3, 4, 4, 2],
  timeDeltas: [1000, 1000, 1000, 1_000_000, 1000],
};

test('[O11] each sample weighs the same, and an idle second counts for nothing', () => {
  const { stacks, valueTypes } = cpuProfileStacks(sampled, { thread: 'main' });
  expect(valueTypes.map(({ type }) => type)).toEqual(['samples', 'cpu']);
  expect(stacks.map(({ frames, values }) => [frames.map(({ name }) => name).join(' '), values])).toEqual([
    ['page', [2, 2_000_000]],
    ['page decode', [1, 1_000_000]],
    ['page decode decode', [2, 2_000_000]],
  ]);
});

test('[O11] a thread that hardly ran weighs hardly anything: the seconds between its samples are nobody’s', () => {
  const idle = { ...sampled, samples: [2, 3], timeDeltas: [900_000, 1_480_000] };
  const { stacks } = cpuProfileStacks(idle, {});
  expect(stacks.map(({ values }) => values)).toEqual([
    [1, 10_000_000],
    [1, 10_000_000],
  ]);
});

test('[O11] files are named below the sources, lines from 1', () => {
  const [stack] = cpuProfileStacks(sampled, {}).stacks;
  expect(stack?.frames).toEqual([{ name: 'page', file: 'packages/server/src/history.ts', line: 10 }]);
});

test('[O11] the table of functions counts a recursion once', () => {
  const { functions, sum } = functionTable(cpuProfileStacks(sampled, {}));
  expect(sum).toBe(5_000_000);
  expect(functions.map(({ frame, self, total }) => [frame.name, self, total])).toEqual([
    ['decode', 3_000_000, 3_000_000],
    ['page', 2_000_000, 5_000_000],
  ]);
});

test("[O10] what is written in pprof's format is read back", async () => {
  const profile = { ...cpuProfileStacks(sampled, { thread: 'main' }), takenAtMs: 1_700_000_000_000, durationMs: 1004 };
  const plain = encodePprof(profile, { periodNs: 1_000_000 });
  expect(await decodePprof(new Uint8Array(plain))).toEqual(profile);
  expect(await decodePprof(Bun.gzipSync(new Uint8Array(plain)))).toEqual(profile);
});

test('[O11] stacks of several threads are one tree, grouped by thread', () => {
  const profile = joined(['main', 'timeline'].map((thread) => cpuProfileStacks(sampled, { thread })));
  const tree = flameTree(profile, { groupBy: 'thread' });
  expect(tree.total).toBe(10_000_000);
  expect(tree.children.map(({ frame, total }) => [frame?.name, total])).toEqual([
    ['main', 5_000_000],
    ['timeline', 5_000_000],
  ]);
  const deepest = [...nodesBelow(tree)].sort((left, right) => right.depth - left.depth)[0];
  expect(deepest && pathTo(deepest).map(({ frame }) => frame?.name)).toEqual([
    undefined,
    'main',
    'page',
    'decode',
    'decode',
  ]);
});
