// The parts that a set of servers can have: what each needs of the machine, and how it is made.

import { prepareKafka } from './kafka.ts';
import { prepareMariadb } from './mariadb.ts';
import { joinRedisCluster, prepareRedis, prepareRedisCluster } from './redis.ts';
import type { Addresses, ServerRecord } from './state.ts';

export type PartName = keyof Addresses;

export interface Prepared {
  readonly addresses: Addresses;
  readonly servers: readonly ServerRecord[];
}

interface Part {
  readonly title: string;
  /** Program → the Debian package that brings it. */
  readonly programs: Readonly<Record<string, string>>;
  /** Makes folders and settings; starts nothing that stays. */
  prepare(folder: string, options: { readonly brokers: number; readonly fronts: number }): Promise<Prepared>;
  /** Once all its servers are up; each time. */
  join?(addresses: Addresses): Promise<void>;
}

const address = ({ port }: ServerRecord): string => `127.0.0.1:${port}`;

export const parts: Readonly<Record<PartName, Part>> = {
  mysql: {
    title: 'MariaDB',
    programs: { mariadbd: 'mariadb-server-core', mariadb: 'mariadb-client-core' },
    async prepare(folder) {
      const { mysql, record } = await prepareMariadb(folder);
      return { addresses: { mysql }, servers: [record] };
    },
  },
  redis: {
    title: 'Redis',
    programs: { 'redis-server': 'redis-server' },
    async prepare(folder) {
      const server = await prepareRedis(folder);
      return { addresses: { redis: { address: address(server) } }, servers: [server] };
    },
  },
  redisCluster: {
    title: 'Redis Cluster',
    programs: { 'redis-server': 'redis-server', 'redis-cli': 'redis-tools' },
    async prepare(folder) {
      const servers = await prepareRedisCluster(folder);
      return { addresses: { redisCluster: { addresses: servers.map(address) } }, servers };
    },
    join: ({ redisCluster }) => joinRedisCluster(redisCluster?.addresses ?? []),
  },
  kafka: {
    title: 'Kafka',
    programs: { java: 'default-jre-headless', mvn: 'maven' },
    async prepare(folder, options) {
      const { servers, fronts } = await prepareKafka(folder, options);
      return { addresses: { kafka: { brokers: servers.map(address), fronts } }, servers };
    },
  },
};
