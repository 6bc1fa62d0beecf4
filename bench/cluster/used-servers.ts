// Which processes the servers are that a cluster uses: one Redis, the database and the brokers.

import type { ServicesState } from '@hongyan/testing/services/state';

export interface UsedServer {
  readonly name: string;
  readonly pid: number;
}

export function usedServers({ addresses: { mysql, kafka, redis }, servers }: ServicesState): UsedServer[] {
  const addresses = [redis?.address, mysql && `${mysql.host}:${mysql.port}`, ...(kafka?.brokers ?? [])];
  const ports = addresses.map((address) => Number(address?.split(':')[1]));
  return servers.flatMap(({ name, pid, port }) => (pid !== undefined && ports.includes(port) ? [{ name, pid }] : []));
}
