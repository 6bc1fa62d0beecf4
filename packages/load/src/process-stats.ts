// What a process and its children cost, from /proc: CPU seconds by thread and by kind, and memory in bytes.

import { readdirSync, readFileSync } from 'node:fs';

export interface Cpu {
  readonly userS: number;
  readonly systemS: number;
}

/** The kernel's unit of process time in /proc is fixed at 100 per second for user space. */
const ticksPerS = 100;
export const zeroCpu: Cpu = { userS: 0, systemS: 0 };

export function cpuOf(pid: number): Cpu {
  return processTree(pid)
    .map((member) => cpuOfStat(readProc(`${member}/stat`)))
    .reduce(cpuAdd, zeroCpu);
}

export interface ThreadCpu extends Cpu {
  readonly name: string;
}

/** Worker threads that the server names after their stores; the kernel cuts names after 15 bytes. */
const writerThreads = new Set(['timeline', 'directory']);
const unnamedWorker = 'Worker';
const restName = 'rest';

/**
 * The process tree's CPU time by thread; the parts add up to `cpuOf`. "main" is the first thread of `pid`, "gateways" are all
 * threads of its child processes, workers without a name are numbered in the order they started, and "rest" are the runtime's
 * own threads, including those that have ended.
 */
export function threadsOf(pid: number): readonly ThreadCpu[] {
  const byName = new Map<string, Cpu>([['main', zeroCpu]]);
  const add = (name: string, cpu: Cpu): void => void byName.set(name, cpuAdd(byName.get(name) ?? zeroCpu, cpu));
  let workerCount = 0;
  // Thread ids grow with the order of starting.
  for (const tid of tasksOf(pid)) {
    const stat = readProc(`${pid}/task/${tid}/stat`);
    const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const name = threadName(comm, tid === pid) ?? (comm === unnamedWorker ? `worker ${++workerCount}` : undefined);
    if (name !== undefined) add(name, cpuOfStat(stat));
  }
  for (const child of processTree(pid)) if (child !== pid) add('gateways', cpuOfStat(readProc(`${child}/stat`)));
  const parts = [...byName].map(([name, cpu]) => ({ name, ...cpu }));
  return [...parts, { name: restName, ...cpuBetween(parts.reduce(cpuAdd, zeroCpu), cpuOf(pid)) }];
}

/** Of a thread by the kernel's name for it; undefined for the runtime's own threads. */
export function threadName(comm: string, isMain: boolean): string | undefined {
  if (isMain) return 'main';
  return writerThreads.has(comm) ? `${comm} writer` : undefined;
}

/** Threads that started in between count from zero. */
export const threadsBetween = (before: readonly ThreadCpu[], after: readonly ThreadCpu[]): readonly ThreadCpu[] =>
  after.map(({ name, ...cpu }) => ({
    name,
    ...cpuBetween(before.find((thread) => thread.name === name) ?? zeroCpu, cpu),
  }));

export const cpuAdd = (left: Cpu, right: Cpu): Cpu => ({
  userS: left.userS + right.userS,
  systemS: left.systemS + right.systemS,
});

export const cpuBetween = (before: Cpu, after: Cpu): Cpu => ({
  userS: after.userS - before.userS,
  systemS: after.systemS - before.systemS,
});

export const cpuSum = ({ userS, systemS }: Cpu): number => userS + systemS;

/** Seconds since boot that all cores together, or a single core, were not idle. */
export function machineBusyS(core?: number): number {
  const label = core === undefined ? 'cpu' : `cpu${core}`;
  const line = readProc('stat')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${label} `));
  if (line === undefined) throw new Error(`/proc/stat has no line for ${label}`);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .slice(label.length)
    .trim()
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerS;
}

/**
 * Memory that only these processes hold: private pages plus their share of the shared ones (PSS), without pages of mapped
 * files, which the kernel takes back when it likes.
 */
export function memoryOf(pid: number): number {
  return processTree(pid).reduce((sum, member) => sum + memoryOfOne(member), 0);
}

/** The same without the process's children. */
export function memoryOfOne(pid: number): number {
  const rollup = readProc(`${pid}/smaps_rollup`);
  const kilobytes = rollup.match(/^Pss_Anon:\s+(\d+) kB/m)?.[1] ?? rollup.match(/^Pss:\s+(\d+) kB/m)?.[1] ?? '0';
  return Number(kilobytes) * 1024;
}

function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readProc(`${name}/stat`);
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0));
  }
  const tree = new Set([root]);
  // Children have higher numbers than their parents only until numbers wrap: repeat until nothing is added.
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree];
}

function tasksOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map(Number)
      .sort((left, right) => left - right);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** The command may contain spaces and brackets: fields are counted behind the last bracket. */
function cpuOfStat(stat: string): Cpu {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { userS: Number(fields[11] ?? 0) / ticksPerS, systemS: Number(fields[12] ?? 0) / ticksPerS };
}

/** Empty when the process has just ended. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
