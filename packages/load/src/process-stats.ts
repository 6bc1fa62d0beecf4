// What a process and its children cost, from /proc: CPU seconds by kind and memory in bytes.

import { readdirSync, readFileSync } from 'node:fs';

export interface Cpu {
  readonly userS: number;
  readonly systemS: number;
}

/** The kernel's unit of process time in /proc is fixed at 100 per second for user space. */
const ticksPerS = 100;

export function cpuOf(pid: number): Cpu {
  let [userS, systemS] = [0, 0];
  for (const member of processTree(pid)) {
    const stat = readProc(member, 'stat');
    // The command may contain spaces and brackets: fields are counted behind the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    userS += Number(fields[11] ?? 0) / ticksPerS;
    systemS += Number(fields[12] ?? 0) / ticksPerS;
  }
  return { userS, systemS };
}

export const cpuBetween = (before: Cpu, after: Cpu): Cpu => ({
  userS: after.userS - before.userS,
  systemS: after.systemS - before.systemS,
});

export const cpuSum = ({ userS, systemS }: Cpu): number => userS + systemS;

/** Seconds that all cores together were not idle since boot. */
export function machineBusyS(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = readProc('', 'stat')
    .slice(4)
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
  const rollup = readProc(pid, 'smaps_rollup');
  const kilobytes = rollup.match(/^Pss_Anon:\s+(\d+) kB/m)?.[1] ?? rollup.match(/^Pss:\s+(\d+) kB/m)?.[1] ?? '0';
  return Number(kilobytes) * 1024;
}

function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readProc(Number(name), 'stat');
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

/** Empty when the process has just gone. */
function readProc(pid: number | '', file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
