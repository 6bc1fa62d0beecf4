// What a scenario is given, what it returns, and how a figure gets the CPU time that it cost.

import type { Quantiles } from '@hongyan/load/histogram';
import { type Cpu, cpuBetween, cpuSum, machineBusyS } from '@hongyan/load/process-stats';
import type { Generator } from './generator-process.ts';
import { startGenerator } from './generator-process.ts';
import { type SeedRequest, seed } from './seed.ts';
import { type BenchServer, startServer, withDataFolder } from './server.ts';
import { readSecret } from './token.ts';

export interface ScenarioInput {
  readonly isQuick: boolean;
  /** From the command line; overrides the scenario's own number. */
  readonly connections: number | undefined;
  /** From the command line: the server's gateway processes. */
  readonly gateways: number | undefined;
  say(line: string): void;
}

export interface Figure {
  readonly scenario: string;
  readonly name: string;
  /** What is counted, in the singular: "message". */
  readonly item: string;
  readonly count: number;
  readonly elapsedS: number;
  readonly perS: number;
  /** The server's whole process tree. */
  readonly server: Cost;
  /** The generator's processes. */
  readonly generator: Cost;
  readonly otherCores: number;
  readonly latency: Readonly<Record<string, Quantiles>>;
  /** Other numbers worth a place in the table, with their unit in the name. */
  readonly extra: Readonly<Record<string, number | string>>;
  readonly target?: { readonly text: string; readonly isMet: boolean };
}

export interface Cost extends Cpu {
  readonly usPerItem: number;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  run(input: ScenarioInput): Promise<readonly Figure[]>;
}

export interface Bed {
  readonly server: BenchServer;
  readonly generators: readonly Generator[];
  readonly generator: Generator;
}

/** A seeded server and its generators for the time of `work`; both are gone afterwards. */
export async function withBed<T>(
  options: {
    readonly seed: Omit<SeedRequest, 'dataFolder'>;
    readonly generatorCount?: number;
    readonly args?: readonly string[];
  },
  work: (bed: Bed) => Promise<T>,
): Promise<T> {
  return withDataFolder(async (dataFolder) => {
    await seed({ dataFolder, ...options.seed });
    const server = await startServer(dataFolder, options.args);
    const generators: Generator[] = [];
    try {
      const { host, port } = server;
      const target = { host, port, secret: readSecret(dataFolder) };
      for (let index = 0; index < (options.generatorCount ?? 1); index++) generators.push(await startGenerator(target));
      const [generator] = generators;
      if (!generator) throw new Error('there is at least one generator');
      return await work({ server, generators, generator });
    } finally {
      for (const generator of generators) await generator.stop();
      await server.stop();
    }
  });
}

export interface Costed<T> {
  readonly result: T;
  readonly server: Cpu;
  readonly generator: Cpu;
  /** Cores that everything else on the machine kept busy meanwhile: above 0.1 the figure is worse than the server. */
  readonly otherCores: number;
}

/** Runs `work` and tells what CPU time it cost on both sides. */
export async function costed<T>({ server, generators }: Bed, work: () => Promise<T>): Promise<Costed<T>> {
  const generatorsCpu = async (): Promise<Cpu> =>
    (await Promise.all(generators.map((generator) => generator.cpu()))).reduce((sum, cpu) => ({
      userS: sum.userS + cpu.userS,
      systemS: sum.systemS + cpu.systemS,
    }));
  const before = {
    server: server.cpu(),
    generator: await generatorsCpu(),
    busyS: machineBusyS(),
    atMs: performance.now(),
  };
  const result = await work();
  const [elapsedS, busyS] = [(performance.now() - before.atMs) / 1000, machineBusyS() - before.busyS];
  const serverCpu = cpuBetween(before.server, server.cpu());
  const generatorCpu = cpuBetween(before.generator, await generatorsCpu());
  const otherCores = Math.max(0, (busyS - cpuSum(serverCpu) - cpuSum(generatorCpu)) / elapsedS);
  return { result, server: serverCpu, generator: generatorCpu, otherCores };
}

export const costOf = (cpu: Cpu, count: number): Cost => ({
  ...cpu,
  usPerItem: count === 0 ? 0 : (cpuSum(cpu) / count) * 1e6,
});

export const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/**
 * 127.0.0.2 and on: each has 28,000 ports of its own. Far fewer connections than that on each, because the kernel searches for
 * a free port one by one: at 10,000 on an address a bind takes 5 ms.
 */
export const loopbackAddresses = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `127.0.0.${index + 2}`);

/** Options of `hongyan start` for so many gateway processes. */
export const gatewayArgs = (gateways = 1): string[] => (gateways > 1 ? ['--gateways', String(gateways)] : []);

/** Failures make a figure worthless: they end the scenario. */
export function refuse(failures: readonly string[], what: string): void {
  if (failures.length > 0) throw new Error(`${what}: ${failures.join('; ')}`);
}
