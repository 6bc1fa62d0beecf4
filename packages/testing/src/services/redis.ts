// Redis for tests: one server, and a cluster of three masters with a replica each (without replicas nothing takes over).

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../until.ts';
import { exchange } from './exchange.ts';
import { servicePort } from './port.ts';
import { programPath, run } from './programs.ts';
import type { ServerRecord } from './state.ts';

export async function prepareRedis(folder: string): Promise<ServerRecord> {
  return record(folder, { name: 'redis' });
}

export async function prepareRedisCluster(folder: string): Promise<readonly ServerRecord[]> {
  return Promise.all(
    [1, 2, 3, 4, 5, 6].map((node) => record(folder, { name: `redis-cluster-${node}`, inCluster: true })),
  );
}

async function record(folder: string, { name, inCluster = false }: { name: string; inCluster?: boolean }) {
  const data = join(folder, name);
  await mkdir(data, { recursive: true });
  const port = servicePort();
  const cluster = {
    'cluster-enabled': 'yes',
    'cluster-port': `${servicePort()}`,
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': '2000',
    'repl-diskless-sync-delay': '0',
  };
  const options = {
    bind: '127.0.0.1',
    port: `${port}`,
    dir: data,
    save: '',
    appendonly: 'no',
    maxmemory: '256mb',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
    ...(inCluster ? cluster : {}),
  };
  const command = [programPath('redis-server')];
  for (const [key, value] of Object.entries(options)) command.push(`--${key}`, value);
  return { name, kind: 'redis', port, command } satisfies ServerRecord;
}

export async function isRedisReady(port: number): Promise<boolean> {
  const said = await exchange(port, { send: 'PING\r\n' });
  return said?.toString().startsWith('+PONG') === true;
}

/** Gives the six, once they are up, their slots and roles; does nothing where that is done. Resolves when all say that the cluster is whole, and each replica can take over. */
export async function joinRedisCluster(addresses: readonly string[]): Promise<void> {
  const ports = addresses.map((address) => Number(address.split(':')[1]));
  const [first = 0] = ports;
  if ((await clusterNodes(first)) < ports.length) {
    await run([
      programPath('redis-cli'),
      '--cluster',
      'create',
      ...addresses,
      '--cluster-replicas',
      '1',
      '--cluster-yes',
    ]);
  }
  await until(async () => (await Promise.all(ports.map(isWhole))).every(Boolean), {
    withinMs: 60_000,
    what: 'a whole Redis Cluster',
  });
}

/** It knows that every slot is served, and, as a replica, has what its master has: before that it cannot take over. */
async function isWhole(port: number): Promise<boolean> {
  if (!(await ask(port, 'CLUSTER INFO')).includes('cluster_state:ok')) return false;
  const replication = await ask(port, 'INFO replication');
  return /role:master|master_link_status:up/.test(replication);
}

const clusterNodes = async (port: number): Promise<number> =>
  Number((await ask(port, 'CLUSTER INFO')).match(/cluster_known_nodes:(\d+)/)?.[1] ?? 0);

const ask = async (port: number, command: string): Promise<string> =>
  (await exchange(port, { send: `${command}\r\n` }))?.toString() ?? '';
