// Starts a cluster of real processes on the shared servers, under a name of its own: cores and gateways, which tests may kill and stop.

import { freePort } from '@hongyan/testing/free-port';
import { Scratch } from '@hongyan/testing/scratch';
import { ServiceSet } from '@hongyan/testing/services/service-set';
import { type Addresses, servicesFolder } from '@hongyan/testing/services/state';
import { until } from '@hongyan/testing/until';
import { atRemoval, dataFolder, type ServerProcess, spawnServer, startServer } from './server-process.ts';

export interface ClusterOptions {
  /** One of its own when absent. */
  readonly dataDir?: string;
  readonly cores?: number;
  readonly gateways?: number;
  readonly workers?: number;
  /** Each core is a worker too. */
  readonly doCoresWork?: boolean;
  /** Where its servers are; the shared ones when absent. */
  readonly addresses?: ClusterAddresses;
  readonly env?: Readonly<Record<string, string>>;
}

const services = ['timeline', 'directory', 'access', 'devices', 'events'];
/** Many processes may start at a time, on a machine that does other work too. */
const readyWithinMs = 90_000;

export type ClusterAddresses = Required<Pick<Addresses, 'kafka' | 'mysql' | 'redis'>>;

/** Where the servers are that a cluster needs; undefined, and why, when one is missing. */
export function clusterAddresses(set = ServiceSet.open(servicesFolder())): ClusterAddresses | undefined {
  const { mysql, kafka, redis } = set?.addresses ?? {};
  return mysql && kafka && redis ? { mysql, kafka, redis } : undefined;
}

export class ClusterUnderTest {
  readonly dataDir: string;
  readonly cores: ServerProcess[] = [];
  readonly gateways: ServerProcess[] = [];
  readonly workers: ServerProcess[] = [];
  /** Names of its databases, topics and keys begin with it. */
  readonly name: string;
  /** By which its processes and commands find it. */
  readonly env: Readonly<Record<string, string>>;
  readonly #coreRoles: string;

  /** Ready when it resolves. */
  static async start({
    cores = 1,
    gateways = 1,
    workers = 0,
    dataDir,
    doCoresWork = false,
    addresses: own,
    env = {},
  }: ClusterOptions = {}): Promise<ClusterUnderTest> {
    const addresses = own ?? clusterAddresses();
    if (addresses === undefined) throw new Error('no servers for a cluster: run tools/services up');
    const scratch = new Scratch(addresses);
    // What it makes on servers of the test's own goes with them.
    if (own === undefined) atRemoval(() => removed(scratch));
    for (const service of services) await scratch.database(service);
    const folder = dataDir ?? (await dataFolder('cluster'));
    const cluster = new ClusterUnderTest(folder, doCoresWork ? 'core,worker' : 'core', {
      HONGYAN_PROFILE: 'cluster',
      HONGYAN_CLUSTER_NAME: scratch.prefix,
      ...placesOf(scratch.prefix, addresses),
      HONGYAN_KAFKA_PARTITIONS: '6',
      ...env,
    });
    await Promise.all([
      ...Array.from({ length: cores }, () => cluster.startCore()),
      ...Array.from({ length: gateways }, () => cluster.startGateway()),
      ...Array.from({ length: workers }, () => cluster.startWorker()),
    ]);
    return cluster;
  }

  private constructor(dataDir: string, coreRoles: string, env: Readonly<Record<string, string>>) {
    this.dataDir = dataDir;
    this.#coreRoles = coreRoles;
    this.env = env;
    this.name = env.HONGYAN_CLUSTER_NAME ?? '';
  }

  startCore(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    return this.#startWithoutDoor(this.#coreRoles, this.cores, env);
  }

  startWorker(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    return this.#startWithoutDoor('worker', this.workers, env);
  }

  /** No client connects to it: it says itself when it is ready. */
  async #startWithoutDoor(
    roles: string,
    others: ServerProcess[],
    env: Readonly<Record<string, string>>,
  ): Promise<ServerProcess> {
    const own = spawnServer({ dataDir: this.dataDir, env: { ...this.env, ...env }, args: ['--roles', roles] });
    others.push(own);
    await until(() => own.output().includes('Hongyan is ready') || !own.isAlive(), { withinMs: readyWithinMs }).catch(
      () => {
        throw new Error(`a ${roles} was not ready within ${readyWithinMs} ms; its output:\n${own.output()}`);
      },
    );
    if (!own.isAlive()) throw new Error(`a ${roles} left before it was ready; its output:\n${own.output()}`);
    return own;
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
    return [...this.gateways, ...this.cores, ...this.workers];
  }

  /** For a process that reaches its servers at other addresses than the others: through relays. */
  placesAt(places: ClusterAddresses): Readonly<Record<string, string>> {
    return placesOf(this.name, places);
  }

  output(): string {
    return this.processes.map((process) => process.output()).join('');
  }
}

/** As Scratch names databases and users. */
const placesOf = (name: string, { mysql, kafka, redis }: ClusterAddresses) => ({
  HONGYAN_MYSQL_URL: `mysql://${name}_{service}:${name}@${mysql.host}:${mysql.port}`,
  HONGYAN_KAFKA_BROKERS: kafka.brokers.join(','),
  HONGYAN_REDIS_URLS: `redis://${redis.address}`,
});

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
