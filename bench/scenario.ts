// What a scenario receives, what it returns, and the server and generators that it runs on.

import type { Quantiles } from '@hongyan/load/histogram';
import type { Cpu } from '@hongyan/load/process-stats';
import type { ClusterSize } from './cluster/nodes.ts';
import type { Cores } from './cores.ts';
import { type Costs, costsOf, type Measured, readingOf } from './cost.ts';
import type { Generator } from './generator-process.ts';
import { startGenerator } from './generator-process.ts';
import { type SeedRequest, seed } from './seed.ts';
import { type BenchServer, type OneServer, type ServerOptions, startServer, withDataFolder } from './server.ts';
import { readSecret } from './token.ts';

/** The command line, as every scenario reads it. */
export interface ScenarioInput {
  readonly isQuick: boolean;
  /** How long each load is measured. */
  readonly durationS: number;
  /** How long a load runs before it is measured; overrides its own number. */
  readonly warmUpS: number | undefined;
  /** Overrides the scenario's own number. */
  readonly connections: number | undefined;
  /** The server's gateway processes. */
  readonly gateways: number | undefined;
  /** Undefined: the embedded profile. */
  readonly cluster: ClusterSize | undefined;
  /** Rows that append and history store; overrides their own number. */
  readonly rows: number | undefined;
  /** Undefined when nothing is pinned. */
  readonly cores: Cores | undefined;
  /** Whether a shape is among those to run: a member of the scenario's `shapes`. */
  isWanted(shapeId: string): boolean;
  /** A line for the person who waits. */
  progress(line: string): void;
}

export interface Figure extends Costs {
  readonly scenario: string;
  readonly name: string;
  /** What is counted, in the singular: "message". */
  readonly item: string;
  readonly count: number;
  readonly elapsedS: number;
  readonly perS: number;
  readonly latency: Readonly<Record<string, Quantiles>>;
  /** Other numbers worth a place in the table, with their unit in the name. */
  readonly extra: Readonly<Record<string, number | string>>;
  readonly target?: Target;
}

export interface Target {
  readonly text: string;
  readonly isMet: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  /** Names for --only; a scenario without parts has its own name here. */
  readonly shapes: readonly string[];
  /** It also runs on a cluster. */
  readonly isForClusters?: boolean;
  run(input: ScenarioInput): Promise<readonly Figure[]>;
}

/** One load on a server of its own or after others: what `direct` and `fanout` measure and what can be profiled. */
export interface Shape {
  readonly id: string;
  readonly name: string;
  readonly item: string;
  readonly warmUpS: number;
  run(bed: Bed, durationS: number): Promise<ShapeRun>;
}

export interface ShapeRun {
  readonly count: number;
  readonly elapsedS: number;
  readonly latency: Figure['latency'];
  readonly extra: Figure['extra'];
}

export interface Bed {
  readonly server: BenchServer;
  readonly dataFolder: string;
  readonly generators: readonly Generator[];
  readonly generator: Generator;
  readonly cores: Cores | undefined;
  /** Of the server's tokens. */
  readonly secret: string;
}

export interface BedOptions {
  readonly seed: Omit<SeedRequest, 'dataFolder'>;
  readonly generatorCount?: number;
  readonly server?: Omit<ServerOptions, 'core'>;
  readonly cores: Cores | undefined;
}

export interface OneServerBed extends Bed {
  readonly server: OneServer;
}

/** A seeded server and its generators for the time of `work`; both are stopped and removed afterwards. */
export async function withBed<T>(options: BedOptions, work: (bed: OneServerBed) => Promise<T>): Promise<T> {
  return withDataFolder(async (dataFolder) => {
    await seed({ dataFolder, ...options.seed });
    const server = await startServer(dataFolder, { ...options.server, core: options.cores?.server });
    return withGenerators(server, dataFolder, options, work);
  });
}

/** Stops the generators and the server after `work`. */
export async function withGenerators<Server extends BenchServer, T>(
  server: Server,
  dataFolder: string,
  { cores, generatorCount = 1 }: Pick<BedOptions, 'cores' | 'generatorCount'>,
  work: (bed: Bed & { readonly server: Server }) => Promise<T>,
): Promise<T> {
  const generators: Generator[] = [];
  try {
    const { host, port } = server;
    const secret = readSecret(dataFolder);
    const target = { host, port, secret };
    for (let index = 0; index < generatorCount; index++) {
      generators.push(await startGenerator(target, cores?.generator));
    }
    const [generator] = generators;
    if (!generator) throw new Error('there is at least one generator');
    return await work({ server, dataFolder, generators, generator, cores, secret });
  } finally {
    for (const generator of generators) await generator.stop();
    await server.stop();
  }
}

/** Opens a connection for each user, on the gateways in turn; a failure ends the scenario. */
export async function openAll({ generator, server }: Bed, users: readonly string[]): Promise<void> {
  const opened = await generator.call('open', { users, concurrency: 100, from: [], ports: server.ports });
  refuse(opened.failures, 'connections');
}

/** Runs `work` and returns with its result the readings around it. */
export async function measured<T>(
  bed: Bed,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cost: Measured }> {
  const { server, generators, cores } = bed;
  const reading = async () => readingOf(server.usage(), await cpuOfAll(generators), cores);
  const before = await reading();
  const result = await work();
  return { result, cost: { before, after: await reading(), isPinned: cores !== undefined } };
}

interface Measurement extends Pick<ScenarioInput, 'durationS'> {
  readonly scenario: string;
  readonly shape: Shape;
  /** The shape's own when absent. */
  readonly warmUpS?: number | undefined;
}

export async function measureShape(bed: Bed, { scenario, shape, durationS, warmUpS }: Measurement): Promise<Figure> {
  await warmUp(bed, shape, warmUpS);
  const { result, cost } = await measured(bed, () => shape.run(bed, durationS));
  const { count, elapsedS, latency, extra } = result;
  const { name, item } = shape;
  return { scenario, name, item, count, elapsedS, perS: count / elapsedS, latency, extra, ...costsOf(cost, count) };
}

/** Several rounds of them in turns: what else the machine does meanwhile meets all alike. */
export async function measureInTurns(
  bed: Bed,
  { isWanted, progress, durationS, warmUpS }: Pick<ScenarioInput, 'isWanted' | 'progress' | 'durationS' | 'warmUpS'>,
  {
    scenario,
    shapes,
    rounds,
  }: { readonly scenario: string; readonly shapes: readonly Shape[]; readonly rounds: number },
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const shape of shapes.filter(({ id }) => isWanted(id))) {
      progress(`${scenario}: ${shape.name}, ${round + 1} of ${rounds}`);
      figures.push(await measureShape(bed, { scenario, shape, durationS, warmUpS }));
    }
  }
  return figures;
}

export async function warmUp(bed: Bed, shape: Shape, warmUpS = shape.warmUpS): Promise<void> {
  // What the load before left behind (its garbage, its log to checkpoint) is not this one's.
  await Bun.sleep(1_000);
  await shape.run(bed, warmUpS);
}

async function cpuOfAll(generators: readonly Generator[]): Promise<Cpu> {
  const each = await Promise.all(generators.map((generator) => generator.cpu()));
  return each.reduce((sum, cpu) => ({ userS: sum.userS + cpu.userS, systemS: sum.systemS + cpu.systemS }));
}

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
