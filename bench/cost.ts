// What a stretch of work costs: two readings of the machine and the difference between them, per item.

import {
  type Cpu,
  cpuBetween,
  cpuOf,
  cpuSum,
  machineBusyS,
  type ThreadCpu,
  threadsBetween,
  threadsOf,
} from '@hongyan/load/process-stats';
import type { Cores } from './cores.ts';

/** Everything that counts CPU time, read at one moment. */
export interface Reading {
  readonly atMs: number;
  readonly machineBusyS: number;
  readonly serverCoreBusyS: number;
  readonly server: Cpu;
  readonly parts: readonly ThreadCpu[];
  readonly generator: Cpu;
}

/** What a server has used so far, and which of its threads, or of its processes, used it. */
export interface Usage {
  readonly server: Cpu;
  readonly parts: readonly ThreadCpu[];
}

export const usageOf = (pid: number): Usage => ({ server: cpuOf(pid), parts: threadsOf(pid) });

export interface Cost extends Cpu {
  readonly usPerItem: number;
}

export interface Costs {
  /** The server had a core to itself and the generators another. */
  readonly isPinned: boolean;
  /** The server's whole process tree; of a cluster all its processes, and the servers that they use. */
  readonly server: Cost;
  /** The parts of `server`: threads, or the processes of a cluster. */
  readonly parts: readonly (Cost & { readonly name: string })[];
  /** The generator's processes. */
  readonly generator: Cost;
  /** Cores that everything else on the machine kept busy meanwhile: above 0.1 the figure is worse than the server. */
  readonly otherCores: number;
  /** The part of it on the server's own core; 0 when nothing is pinned. */
  readonly otherOnServerCore: number;
}

export function readingOf(usage: Usage, generator: Cpu, cores: Cores | undefined): Reading {
  return {
    atMs: performance.now(),
    machineBusyS: machineBusyS(),
    serverCoreBusyS: cores ? machineBusyS(cores.server) : 0,
    ...usage,
    generator,
  };
}

export interface Measured {
  readonly before: Reading;
  readonly after: Reading;
  readonly isPinned: boolean;
}

/** Divided by `count` items. */
export function costsOf({ before, after, isPinned }: Measured, count: number): Costs {
  const elapsedS = (after.atMs - before.atMs) / 1000;
  const server = cpuBetween(before.server, after.server);
  const generator = cpuBetween(before.generator, after.generator);
  const cores = (busyS: number): number => Math.max(0, busyS / elapsedS);
  const busyS = after.machineBusyS - before.machineBusyS;
  const serverCoreBusyS = after.serverCoreBusyS - before.serverCoreBusyS;
  return {
    isPinned,
    server: costOf(server, count),
    parts: threadsBetween(before.parts, after.parts).map(({ name, ...cpu }) => ({
      name,
      ...costOf(cpu, count),
    })),
    generator: costOf(generator, count),
    otherCores: cores(busyS - cpuSum(server) - cpuSum(generator)),
    otherOnServerCore: isPinned ? cores(serverCoreBusyS - cpuSum(server)) : 0,
  };
}

const costOf = (cpu: Cpu, count: number): Cost => ({ ...cpu, usPerItem: usPerItem(cpuSum(cpu), count) });

export const usPerItem = (seconds: number, count: number): number => (count === 0 ? 0 : (seconds / count) * 1e6);
