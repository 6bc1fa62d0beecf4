// A cluster under measurement: processes of its own for each role, on the servers of tools/services, under a name of its own.

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { type Cpu, cpuBetween, cpuOf, cpuSum } from '@hongyan/load/process-stats';
import { clientOptions } from '@hongyan/server/adapters/kafka/kafka-options';
import { MysqlPool } from '@hongyan/server/adapters/mysql/pool';
import { freePort } from '@hongyan/testing/free-port';
import { type Addresses, readState, servicesFolder } from '@hongyan/testing/services/state';
import { Admin } from '@platformatic/kafka';
import { environment } from '../server.ts';
import { type UsedServer, usedServers } from './used-servers.ts';

export type Role = 'gateway' | 'core' | 'worker';

export interface ClusterSize {
  readonly gateways: number;
  readonly cores: number;
}

const entry = join(import.meta.dir, '../../packages/cli/src/main.ts');
const host = '127.0.0.1';
const readyTimeoutMs = 60_000;

export class ClusterNodes {
  readonly name = `bench-${randomUUID().slice(0, 8)}`;
  readonly #services: Required<Pick<Addresses, 'mysql' | 'kafka' | 'redis'>>;
  readonly #servers: readonly UsedServer[];
  readonly folder: string;
  readonly #nodes: { readonly name: string; readonly child: Bun.Subprocess }[] = [];

  /** Rejects when the servers are not up. */
  static async open(): Promise<ClusterNodes> {
    return new ClusterNodes(await mkdtemp(join(tmpdir(), 'hongyan-bench-')));
  }

  private constructor(folder: string) {
    const state = readState(servicesFolder());
    const { mysql, kafka, redis } = state?.addresses ?? {};
    if (!state || !mysql || !kafka || !redis)
      throw new Error('MySQL, Kafka and Redis are needed: run tools/services up');
    this.#services = { mysql, kafka, redis };
    this.#servers = usedServers(state);
    this.folder = folder;
  }

  /** The options of the database of a service. */
  database(service: string) {
    return { ...this.#services.mysql, database: `${this.name.replaceAll('-', '_')}_${service}` };
  }

  /** The database of a service before any process is there, to be filled. */
  async createDatabase(service: string) {
    const options = this.database(service);
    await this.#asAdmin((pool) =>
      pool.write(`create database ${options.database} character set utf8mb4 collate utf8mb4_bin`),
    );
    return options;
  }

  /** Resolves when it is ready; with the address of its clients' port, which only gateways have. */
  async start(role: Role): Promise<string> {
    const { mysql, kafka, redis } = this.#services;
    const [port, operatorPort] = [freePort(), freePort()];
    const name = `${role}-${this.#nodes.length + 1}`;
    const options: Record<string, string> = {
      ...{ profile: 'cluster', roles: role, node: name, 'cluster-name': this.name, data: this.folder },
      'mysql-url': `mysql://${mysql.user}:${encodeURIComponent(mysql.password)}@${mysql.host}:${mysql.port}`,
      'kafka-brokers': kafka.brokers.join(','),
      'redis-urls': `redis://${redis.address}`,
      ...{ listen: `${host}:${port}`, 'operator-listen': `${host}:${operatorPort}` },
      ...{ 'default-tier': 'unlimited', 'log-level': 'warn' },
      // Warming up takes all the machine has, which the watchdog would profile, and so slow down the load that is measured.
      ...{ 'watchdog-lag-ms': '0', 'watchdog-slow-ack-ms': '0' },
    };
    const child = Bun.spawn(
      [process.execPath, entry, 'start', ...Object.entries(options).flatMap(([key, value]) => [`--${key}`, value])],
      { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit', env: environment() },
    );
    this.#nodes.push({ name, child });
    const url = `http://${host}:${role === 'gateway' ? port : operatorPort}`;
    for (const endMs = performance.now() + readyTimeoutMs; performance.now() < endMs; ) {
      if (child.exitCode !== null) throw new Error(`${name} ended: see above`);
      const answer = await fetch(`${url}/readyz`).catch(() => undefined);
      if (answer?.ok) return url;
      await Bun.sleep(50);
    }
    throw new Error(`${name} did not become ready`);
  }

  /** CPU seconds of each process so far, the servers' included. */
  cpu(): ReadonlyMap<string, Cpu> {
    const own = this.#nodes.map(({ name, child }) => ({ name, pid: child.pid }));
    return new Map([...own, ...this.#servers].map(({ name, pid }) => [name, cpuOf(pid)]));
  }

  /** Ends the processes, and removes what the cluster kept. */
  async close(): Promise<void> {
    for (const { child } of this.#nodes.toReversed()) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await child.exited;
      clearTimeout(timer);
    }
    await this.#removeDatabases();
    await this.#removeTopics();
    await rm(this.folder, { recursive: true, force: true });
  }

  #removeDatabases(): Promise<void> {
    return this.#asAdmin(async (pool) => {
      const rows = await pool.read<{ name: string }>(
        'select schema_name name from information_schema.schemata where schema_name like ?',
        [`${this.name.replaceAll('-', '\\_')}\\_%`],
      );
      for (const { name } of rows) await pool.write(`drop database ${name}`);
    });
  }

  async #asAdmin(work: (pool: MysqlPool) => Promise<unknown>): Promise<void> {
    const pool = await MysqlPool.open(
      { ...this.#services.mysql, database: 'mysql', limits: { connectionsMax: 1, idleMin: 0 } },
      { clock: systemClock, random: Math.random },
    );
    await work(pool);
    await pool.close();
  }

  async #removeTopics(): Promise<void> {
    const admin = new Admin(clientOptions({ ...this.#services.kafka, clientId: 'bench', prefix: `${this.name}.` }));
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${this.name}.`));
    if (topics.length > 0) await admin.deleteTopics({ topics });
    await admin.close();
  }
}

/** Of each process that did anything, microseconds for one of `count`; the dearest first. */
export function costOf(
  before: ReadonlyMap<string, Cpu>,
  after: ReadonlyMap<string, Cpu>,
  count: number,
): readonly (readonly [name: string, us: number])[] {
  return Array.from(after, ([name, cpu]) => {
    const was = before.get(name);
    return [name, was === undefined ? 0 : (cpuSum(cpuBetween(was, cpu)) / count) * 1e6] as const;
  })
    .filter(([, us]) => us >= 0.1)
    .sort(([, a], [, b]) => b - a);
}
