// A cluster's stores for commands: they use the databases directly and notify the processes that cache what they change.

import { systemClock } from '@hongyan/base/clock';
import { systemRandom } from '@hongyan/base/random';
import type { UserId } from '@hongyan/protocol/ids';
import type { Config } from '../../config/options.ts';
import { ofAllTokens } from '../../domain/revocation.ts';
import { Metrics } from '../../metrics/metrics.ts';
import type { Access } from '../../ports/access/access.ts';
import { openMysqlAccess } from '../../ports/access/mysql-access.ts';
import { RedisCache } from '../../ports/cache/redis-cache.ts';
import type { DeviceReader } from '../../ports/devices/devices.ts';
import { openMysqlDevices } from '../../ports/devices/mysql-devices.ts';
import { CachedUsers } from '../../ports/directory/cached-users.ts';
import type { Directory, DirectoryReader } from '../../ports/directory/directory.ts';
import { openMysqlDirectory } from '../../ports/directory/mysql-directory.ts';
import { revocationsTopic } from '../../ports/event-bus/event-bus.ts';
import { openMysqlTimeline } from '../../ports/timeline/mysql-timeline.ts';
import { databaseForCommands, databaseOf } from '../cluster/databases.ts';
import { openRedis, openSharedServers, type SharedServers } from '../cluster/shared-servers.ts';
import type { Readers } from './folder-stores.ts';
import { type CommandStores, closing, commandLog } from './stores.ts';

const environment = { clock: systemClock, random: systemRandom, log: commandLog };

export class ClusterCommandStores implements CommandStores {
  readonly place: string;
  readonly #config: Config;

  constructor(config: Config) {
    this.place = `the cluster ${config.clusterName}`;
    this.#config = config;
  }

  /** Invalidates changed users in the caches of the cores and of Redis. */
  withDirectory<T>(work: (directory: Directory) => Promise<T>): Promise<T> {
    return this.#withServers(async ({ bus, redis }) => {
      const cache = new RedisCache(redis, { random: systemRandom });
      const directory = await openMysqlDirectory(await databaseOf(this.#config, 'directory'), {
        ...environment,
        nearer: async (stored) => new CachedUsers(stored, { ...environment, cache, bus }),
      });
      return closing(directory, work);
    });
  }

  async withAccess<T>(work: (access: Access) => Promise<T>): Promise<T> {
    const mysql = await databaseOf(this.#config, 'access');
    const { revocationsMax } = this.#config;
    return closing(await openMysqlAccess({ ...environment, mysql, revocationsMax }), work);
  }

  async withExistingAccess<T>(work: (access: Access) => Promise<T>): Promise<T> {
    await databaseForCommands(this.#config, 'access');
    return this.withAccess(work);
  }

  async withDirectoryReader<T>(work: (directory: DirectoryReader) => Promise<T>): Promise<T> {
    const mysql = await databaseForCommands(this.#config, 'directory');
    return closing(await openMysqlDirectory(mysql, environment), work);
  }

  async withDeviceReader<T>(work: (devices: DeviceReader) => Promise<T>): Promise<T> {
    const mysql = await databaseForCommands(this.#config, 'devices');
    return closing(await openMysqlDevices(mysql, environment), work);
  }

  withReaders<T>(work: (readers: Readers) => Promise<T>): Promise<T> {
    return this.withDirectoryReader((directory) =>
      this.withDeviceReader(async (devices) => {
        const mysql = await databaseForCommands(this.#config, 'timeline');
        const timeline = await openMysqlTimeline({ ...environment, mysql, appendsMax: 1 });
        return closing(timeline, () => work({ directory, devices, timeline }));
      }),
    );
  }

  /** Gateways learn of revocations by the bus: Redis is opened first, so that an unreachable bus fails before the change. */
  revokeTokens(userId: UserId): Promise<'full' | 'revoked'> {
    return this.#withServers(async ({ bus }) => {
      const revocations = [ofAllTokens(userId, { nowMs: systemClock.nowMs() })];
      const outcome = await this.withAccess((access) => access.revoke(revocations));
      if (outcome === 'revoked') await bus.publish([{ type: 'revoked', topic: revocationsTopic, revocations }]);
      return outcome;
    });
  }

  async #withServers<T>(work: (servers: SharedServers) => Promise<T>): Promise<T> {
    const instance = `command.${crypto.randomUUID().slice(0, 8)}`;
    const metrics = new Metrics({ process: instance, log: commandLog });
    const redis = await openRedis(this.#config, environment);
    return closing(await openSharedServers(this.#config, { ...environment, metrics }, { redis, instance }), work);
  }
}
