// Starts a cluster of real processes on the shared servers, under a name of its own: cores and gateways, which tests may kill and stop.

import { Scratch } from '@hongyan/testing/scratch';
import { ServiceSet } from '@hongyan/testing/services/service-set';
import { type Addresses, servicesFolder } from '@hongyan/testing/services/state';
import { until } from '@hongyan/testing/until';
import { atRemoval, dataFolder, freePort, type ServerProcess, spawnServer, startServer } from './server-process.ts';

export interface ClusterOptions {
  readonly cores?: number;
  readonly gateways?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const services = ['timeline', 'directory', 'access', 'devices'];
const readyWithinMs = 40_000;

/** Where the servers are that a cluster needs; undefined, and why, when one is missing. */
export function clusterAddresses(): Required<Pick<Addresses, 'kafka' | 'mysql' | 'redis'>> | undefined {
  const { mysql, kafka, redis } = ServiceSet.open(servicesFolder())?.addresses ?? {};
  return mysql && kafka && redis ? { mysql, kafka, redis } : undefined;
}

export class ClusterUnderTest {
  readonly dataDir: string;
  readonly cores: ServerProcess[] = [];
  readonly gateways: ServerProcess[] = [];
  /** By which its processes and commands find it. */
  readonly env: Readonly<Record<string, string>>;

  /** Ready when it resolves. */
  static async start({ cores = 1, gateways = 1, env = {} }: ClusterOptions = {}): Promise<ClusterUnderTest> {
    const addresses = clusterAddresses();
    if (addresses === undefined) throw new Error('no servers for a cluster: run tools/services up');
    const scratch = new Scratch(addresses);
    atRemoval(() => removed(scratch));
    for (const service of services) await scratch.database(service);
    const { mysql, kafka, redis } = addresses;
    const cluster = new ClusterUnderTest(await dataFolder('cluster'), {
      HONGYAN_PROFILE: 'cluster',
      HONGYAN_CLUSTER_NAME: scratch.prefix,
      HONGYAN_MYSQL_URL: `mysql://${scratch.prefix}_{service}:${scratch.prefix}@${mysql.host}:${mysql.port}`,
      HONGYAN_KAFKA_BROKERS: kafka.brokers.join(','),
      HONGYAN_REDIS_URLS: `redis://${redis.address}`,
      HONGYAN_KAFKA_PARTITIONS: '6',
      ...env,
    });
    await Promise.all([
      ...Array.from({ length: cores }, () => cluster.startCore()),
      ...Array.from({ length: gateways }, () => cluster.startGateway()),
    ]);
    return cluster;
  }

  private constructor(dataDir: string, env: Readonly<Record<string, string>>) {
    this.dataDir = dataDir;
    this.env = env;
  }

  async startCore(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const core = spawnServer({ dataDir: this.dataDir, env: { ...this.env, ...env }, args: ['--roles', 'core'] });
    this.cores.push(core);
    await until(() => core.output().includes('Hongyan is ready') || !core.isAlive(), {
      withinMs: readyWithinMs,
      what: `a core to be ready; its output:\n${core.output()}`,
    });
    if (!core.isAlive()) throw new Error(`a core left before it was ready; its output:\n${core.output()}`);
    return core;
  }

  async startGateway({
    port,
    env = {},
  }: {
    readonly port?: number;
    readonly env?: Readonly<Record<string, string>>;
  } = {}): Promise<ServerProcess> {
    const gateway = await startServer({
      dataDir: this.dataDir,
      port: port ?? freePort(),
      env: { ...this.env, ...env },
      args: ['--roles', 'gateway'],
      readyWithinMs,
    });
    this.gateways.push(gateway);
    return gateway;
  }

  get processes(): readonly ServerProcess[] {
    return [...this.gateways, ...this.cores];
  }

  output(): string {
    return this.processes.map((process) => process.output()).join('');
  }
}

/** A core that was killed is a member of its group until its session ends. */
async function removed(scratch: Scratch): Promise<void> {
  await until(
    () =>
      scratch.remove().then(
        () => true,
        () => false,
      ),
    { withinMs: 20_000, what: 'the databases, topics and keys of a cluster to be removed' },
  );
}
