// The profiles that every scenario runs on. A scenario knows a server only by its address.

import { ClusterUnderTest, clusterAddresses } from '../cluster-server.ts';
import { dataFolder, type ServerProcess, startServer } from '../server-process.ts';

export interface Profile {
  readonly name: string;
  start(env?: Readonly<Record<string, string>>): Promise<ServerProcess>;
  /** The same data at the same address, after it was stopped or killed. */
  restart(server: ServerProcess, env?: Readonly<Record<string, string>>): Promise<ServerProcess>;
}

const embedded = (name: string, ...args: readonly string[]): Profile => ({
  name,
  start: async (env = {}) => startServer({ dataDir: await dataFolder('scenario'), env, args }),
  restart: ({ dataDir, port }, env = {}) => startServer({ dataDir, port, env, args }),
});

/** A gateway, and a core that works, as one server: what a scenario does to it happens to both. */
class ClusterServer implements ServerProcess {
  readonly cluster: ClusterUnderTest;
  readonly #gateway: ServerProcess;
  readonly #core: ServerProcess;

  constructor(cluster: ClusterUnderTest, gateway: ServerProcess, core: ServerProcess) {
    this.cluster = cluster;
    this.#gateway = gateway;
    this.#core = core;
  }

  static async start(env: Readonly<Record<string, string>>): Promise<ClusterServer> {
    return ClusterServer.#of(await ClusterUnderTest.start({ doCoresWork: true, env }));
  }

  async restart(env: Readonly<Record<string, string>>): Promise<ClusterServer> {
    const { cluster, port } = this;
    await Promise.all([cluster.startCore(env), cluster.startGateway({ port, env })]);
    return ClusterServer.#of(cluster);
  }

  static #of(cluster: ClusterUnderTest): ClusterServer {
    const [gateway, core] = [cluster.gateways.at(-1), cluster.cores.at(-1)];
    if (!gateway || !core) throw new Error('a cluster has a gateway and a core');
    return new ClusterServer(cluster, gateway, core);
  }

  get url() {
    return this.#gateway.url;
  }
  get port() {
    return this.#gateway.port;
  }
  get pid() {
    return this.#gateway.pid;
  }
  get dataDir() {
    return this.cluster.dataDir;
  }
  isAlive = () => this.#gateway.isAlive() && this.#core.isAlive();
  output = () => `${this.#gateway.output()}${this.#core.output()}`;

  async kill(): Promise<void> {
    await Promise.all([this.#gateway.kill(), this.#core.kill()]);
  }

  async stop(): Promise<number | null> {
    return worst([await this.#gateway.stop(), await this.#core.stop()]);
  }

  async left(): Promise<number | null> {
    return worst(await Promise.all([this.#gateway.left(), this.#core.left()]));
  }

  async rssBytes(): Promise<number> {
    return (await this.#gateway.rssBytes()) + (await this.#core.rssBytes());
  }
}

const worst = (codes: readonly (number | null)[]): number | null => codes.find((code) => code !== 0) ?? 0;

const cluster: Profile = {
  name: 'cluster',
  start: (env = {}) => ClusterServer.start(env),
  restart(server, env = {}) {
    if (!(server instanceof ClusterServer)) throw new Error('the server is of another profile');
    return server.restart(env);
  },
};

const embeddedProfiles = [embedded('embedded'), embedded('embedded, 2 gateways', '--gateways', '2')];

function clusterProfiles(): readonly Profile[] {
  if (clusterAddresses() !== undefined) return [cluster];
  const why = 'scenarios on a cluster: MySQL, Kafka and Redis are not all up; run tools/services up';
  if (process.env.CI === 'true') throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
  return [];
}

export const profiles: readonly Profile[] = [...embeddedProfiles, ...clusterProfiles()];
