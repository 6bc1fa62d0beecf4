// A cluster in the place of the one server, for scenarios that run on both: seeded through the MySQL directory, its gateways with a
// port each.

import { systemClock } from '@hongyan/base/clock';
import { type Cpu, cpuAdd, zeroCpu } from '@hongyan/load/process-stats';
import { readOrCreateSecrets } from '@hongyan/server/config/secret';
import { openMysqlDirectory } from '@hongyan/server/ports/directory/mysql-directory';
import type { Usage } from '../cost.ts';
import { type Bed, type BedOptions, withBed, withGenerators } from '../scenario.ts';
import { fillDirectory } from '../seed.ts';
import type { BenchServer } from '../server.ts';
import { ClusterNodes, type ClusterSize } from './nodes.ts';

/** Writes of the seed that wait for the database at the same time. */
const seedAtOnce = 50;

export const withBedOf = <T>(
  cluster: ClusterSize | undefined,
  options: BedOptions,
  work: (bed: Bed) => Promise<T>,
): Promise<T> => (cluster ? withClusterBed(cluster, options, work) : withBed(options, work));

async function withClusterBed<T>(size: ClusterSize, options: BedOptions, work: (bed: Bed) => Promise<T>): Promise<T> {
  const nodes = await ClusterNodes.open();
  let server: BenchServer;
  try {
    await readOrCreateSecrets(nodes.folder);
    await seed(nodes, options.seed);
    server = await startServer(nodes, size);
  } catch (error) {
    await nodes.close();
    throw error;
  }
  return withGenerators(server, nodes.folder, options, work);
}

/** Before a core is there, which would remember who is not. */
async function seed(nodes: ClusterNodes, request: BedOptions['seed']): Promise<void> {
  const database = await nodes.createDatabase('directory');
  const directory = await openMysqlDirectory(database, { clock: systemClock, random: Math.random });
  await fillDirectory(directory, request, seedAtOnce);
  await directory.close();
}

async function startServer(nodes: ClusterNodes, { gateways, cores }: ClusterSize): Promise<BenchServer> {
  for (let index = 0; index < cores; index++) await nodes.start('core');
  const urls: URL[] = [];
  for (let index = 0; index < gateways; index++) urls.push(new URL(await nodes.start('gateway')));
  const ports = urls.map(({ port }) => Number(port));
  return {
    host: urls[0]?.hostname ?? '',
    port: ports[0] ?? 0,
    ports,
    usage: () => usageOf(nodes.cpu()),
    stop: () => nodes.close(),
  };
}

function usageOf(cpu: ReadonlyMap<string, Cpu>): Usage {
  const parts = Array.from(cpu, ([name, { userS, systemS }]) => ({ name, userS, systemS }));
  return { server: parts.reduce<Cpu>(cpuAdd, zeroCpu), parts };
}
