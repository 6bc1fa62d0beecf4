// Where the CPU time of one load goes: JavaScript functions, threads, the kernel's side and system calls, as Markdown tables.

import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cores, coresToPin } from './cores.ts';
import { usPerItem } from './cost.ts';
import { type SelfTime, type Span, selfTimes } from './profile/cpu-profile.ts';
import { type CpuPart, countSystemCalls, hasPerf, type SystemCalls, sampleCpu } from './profile/perf.ts';
import { tableOf } from './report.ts';
import {
  type Bed,
  type BedOptions,
  type Figure,
  measureShape,
  openAll,
  type Shape,
  type ShapeRun,
  warmUp,
  withBed,
} from './scenario.ts';
import { directBed, directShapes, isSilent, openDirect } from './scenarios/direct.ts';
import { fanoutBed, fanoutShapes } from './scenarios/fanout.ts';
import { withDataFolder } from './server.ts';

const rootFolder = `${resolve(import.meta.dir, '..')}/`;
const functionsMax = 25;
/** Parts of less than this share of the server's CPU time are summed up. */
const partShareMin = 0.01;
const callsPerItemMin = 0.005;

const help = `Usage: bun bench/profile.ts shape… [--pin] [--duration s]

Runs each load four times and prints Markdown: unobserved, under Bun's --cpu-prof (on a server of its own), sampled by
perf, and with its system calls counted by perf trace. Needs Linux perf and the right to use it; with strace in its
place only system calls are counted.

Shapes: ${[...directShapes, ...fanoutShapes].map(({ id }) => id).join(' ')}

  --pin          the server with all its threads on one core, the generators on another
  --duration s   how long each run is (default: 15)
`;

interface Profile {
  readonly figure: Figure;
  readonly functions: readonly SelfTime[];
  readonly parts: readonly CpuPart[];
  readonly calls: readonly SystemCalls[];
  /** The load while system calls were counted, which slows it down. */
  readonly counted: ShapeRun;
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      pin: { type: 'boolean', default: false },
      duration: { type: 'string', default: '15' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help || positionals.length === 0) return console.log(help);
  const durationS = Number(values.duration);
  if (!(durationS >= 1)) throw new Error(`--duration takes a number from 1, not "${values.duration}"`);
  const cores = values.pin ? coresToPin() : undefined;
  const workloads = positionals.map((id) => workloadOf(id, cores));
  for (const workload of workloads) console.log(markdown(await profile(workload, durationS)));
}

/** A shape, the server it needs, and what comes before its first load. */
interface Workload {
  readonly shape: Shape;
  readonly bed: BedOptions;
  open(bed: Bed): Promise<void>;
}

function workloadOf(id: string, cores: Cores | undefined): Workload {
  const directShape = directShapes.find((shape) => shape.id === id);
  if (directShape) {
    const open = (bed: Bed) => openDirect(bed, { isQuick: false, hasReceipts: !isSilent(directShape) });
    return { shape: directShape, bed: directBed({ gateways: undefined, cores }), open };
  }
  const fanoutShape = fanoutShapes.find((shape) => shape.id === id);
  if (!fanoutShape) throw new Error(`there is no shape ${id}; --help lists them`);
  return {
    shape: fanoutShape,
    bed: fanoutBed(fanoutShape, cores),
    open: (bed) => openAll(bed, fanoutShape.members),
  };
}

async function profile({ shape, bed: options, open }: Workload, durationS: number): Promise<Profile> {
  return withDataFolder(async (folder) => {
    const functions = await functionTimes({ shape, bed: options, open }, { folder, durationS });
    return withBed(options, async (bed) => {
      await open(bed);
      const run = () => shape.run(bed, durationS);
      const figure = await measureShape(bed, { scenario: 'profile', shape, durationS });
      const { pid } = bed.server;
      const sampled = hasPerf() ? await sampleCpu(pid, join(folder, 'perf.data'), run) : { parts: [] };
      const { calls, result: counted } = await countSystemCalls(pid, join(folder, 'calls.txt'), run);
      return { figure, functions, parts: sampled.parts, calls, counted };
    });
  });
}

/** The profile is written when the server ends, so it is read after its bed is gone. */
async function functionTimes(
  { shape, bed: options, open }: Workload,
  { folder, durationS }: { readonly folder: string; readonly durationS: number },
): Promise<readonly SelfTime[]> {
  const runtimeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
  const span = await withBed({ ...options, server: { ...options.server, runtimeArgs } }, async (bed): Promise<Span> => {
    await open(bed);
    await warmUp(bed, shape);
    const fromMs = Date.now();
    await shape.run(bed, durationS);
    return { fromMs, toMs: Date.now() };
  });
  const file = (await readdir(folder)).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('the server ended without writing a profile');
  return selfTimes(await Bun.file(join(folder, file)).text(), span, rootFolder);
}

function markdown({ figure, functions, parts, calls, counted }: Profile): string {
  const { name, item, perS, isPinned, server, otherCores } = figure;
  const mainUs = figure.parts.find((thread) => thread.name === 'main')?.usPerItem ?? 0;
  const pinned = isPinned ? 'pinned' : 'not pinned';
  return [
    `### ${name} (${pinned})`,
    '',
    `${Math.round(perS).toLocaleString('en')} ${item}s/s; ${server.usPerItem.toFixed(2)} µs of server CPU time per ${item}; others ${otherCores.toFixed(2)}.`,
    '',
    ...threadTable(figure),
    '',
    `Functions of the main thread by self time, of ${mainUs.toFixed(2)} µs (--cpu-prof):`,
    '',
    ...tableOf(
      ['function', 'place', 'share', `µs per ${item}`],
      functions
        .slice(0, functionsMax)
        .map((each) => [`\`${each.functionName}\``, each.place, percent(each.share), (each.share * mainUs).toFixed(2)]),
    ),
    '',
    'CPU time by thread and system call (perf, cpu-clock):',
    '',
    ...tableOf(['thread', 'in', 'share', `µs per ${item}`], partRows(parts, server.usPerItem)),
    '',
    `System calls, at ${Math.round(counted.count / counted.elapsedS).toLocaleString('en')} ${item}s/s while they were counted:`,
    '',
    ...tableOf(['thread', 'system call', `per ${item}`], callRows(calls, counted.count)),
    '',
  ].join('\n');
}

const threadTable = ({ parts, count, item }: Figure): string[] =>
  tableOf(
    ['thread', `µs per ${item}`, 'user', 'system'],
    parts.map((thread) => [
      thread.name,
      thread.usPerItem.toFixed(2),
      usPerItem(thread.userS, count).toFixed(2),
      usPerItem(thread.systemS, count).toFixed(2),
    ]),
  );

function partRows(parts: readonly CpuPart[], serverUs: number): string[][] {
  if (parts.length === 0) return [];
  const large = parts.filter(({ share }) => share >= partShareMin);
  const restShare = 1 - large.reduce((sum, { share }) => sum + share, 0);
  const all = [...large, { thread: 'all', where: 'everything else', share: restShare }];
  return all.map(({ thread, where, share }) => [thread, where, percent(share), (share * serverUs).toFixed(2)]);
}

const callRows = (calls: readonly SystemCalls[], count: number): string[][] =>
  calls
    .filter((each) => each.calls / count >= callsPerItemMin)
    .map((each) => [each.thread, each.name, (each.calls / count).toFixed(3)]);

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
    process.exit(0);
  } catch (error) {
    console.error(`profile: ${error instanceof Error ? error.message : error}`);
    process.exit(2);
  }
}
