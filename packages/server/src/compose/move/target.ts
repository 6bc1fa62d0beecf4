// The databases of the cluster that a data folder is moved into.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import type { ConversationId } from '@hongyan/protocol/ids';
import { murmur2 } from '@platformatic/kafka';
import { type MysqlLayout, migrateDatabase } from '../../adapters/mysql/migrate.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import { type ArrivingTable, TableCopy } from '../../adapters/mysql/table-copy.ts';
import type { Config } from '../../config/options.ts';
import { arrivingAccess } from '../../ports/access/mysql/arriving-tables.ts';
import { accessLayout } from '../../ports/access/mysql/schema.ts';
import { arrivingDevices } from '../../ports/devices/mysql/arriving-tables.ts';
import { devicesLayout } from '../../ports/devices/mysql/schema.ts';
import { arrivingDirectory } from '../../ports/directory/mysql/arriving-tables.ts';
import { raiseSent } from '../../ports/directory/mysql/receipt-rows.ts';
import { directoryLayout } from '../../ports/directory/mysql/schema.ts';
import type { SentAdvance } from '../../ports/directory/receipts.ts';
import type { Position } from '../../ports/event-log/event-log.ts';
import { arrivingEvents, putFeedPosition } from '../../ports/event-log/mysql/arriving-tables.ts';
import { eventsLayout } from '../../ports/event-log/mysql/schema.ts';
import { shardOfPartition } from '../../ports/timeline/mysql/position-vector.ts';
import { MysqlTimelineArrival } from '../../ports/timeline/mysql-timeline-arrival.ts';
import type { Closing } from '../closing.ts';
import { databaseOf } from '../cluster/databases.ts';
import { type TableStore, tableStores } from './source.ts';

const stores: Readonly<
  Record<TableStore, { readonly layout: MysqlLayout; readonly tables: readonly ArrivingTable[] }>
> = {
  directory: { layout: directoryLayout, tables: arrivingDirectory },
  access: { layout: accessLayout, tables: arrivingAccess },
  devices: { layout: devicesLayout, tables: arrivingDevices },
  events: { layout: eventsLayout, tables: arrivingEvents },
};

/** It has rows in an empty database. */
const alwaysThere = 'numbered';

export interface ArrivingCopy {
  readonly store: TableStore;
  readonly table: ArrivingTable;
  readonly copy: TableCopy;
}

export class MoveTarget {
  readonly timeline: MysqlTimelineArrival;
  readonly copies: readonly ArrivingCopy[];
  readonly #pools: ReadonlyMap<TableStore, MysqlPool>;

  /** Makes databases and tables where they are missing. What was opened is closed with `closing`. */
  static async open(
    config: Config,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
    closing: Closing,
  ): Promise<MoveTarget> {
    const environment = { clock, log, random: systemRandom };
    const timeline = await MysqlTimelineArrival.open(
      { ...environment, mysql: await databaseOf(config, 'timeline') },
      (id) => shardOf(id, config),
    );
    closing.push(() => timeline.close());
    const pools = new Map<TableStore, MysqlPool>();
    for (const store of tableStores) {
      const pool = await MysqlPool.open(await databaseOf(config, store), environment);
      closing.push(() => pool.close());
      await migrateDatabase(pool, stores[store].layout);
      pools.set(store, pool);
    }
    return new MoveTarget(timeline, pools);
  }

  private constructor(timeline: MysqlTimelineArrival, pools: ReadonlyMap<TableStore, MysqlPool>) {
    this.timeline = timeline;
    this.#pools = pools;
    this.copies = [...pools].flatMap(([store, pool]) =>
      stores[store].tables.map((table) => ({ store, table, copy: new TableCopy(pool, table) })),
    );
  }

  /** Where events are recorded from on; undefined: nothing is recorded. The last of all that is written to the log of events. */
  async putFeedPosition(position: Position | undefined): Promise<void> {
    const pool = this.#pools.get('events');
    if (pool) await putFeedPosition(pool, position);
  }

  /** Behind the tables, whose rows are as the folder has them. */
  async raiseSent(advances: readonly SentAdvance[]): Promise<void> {
    await this.#pools.get('directory')?.transaction((db) => raiseSent(db, advances));
  }

  /** Why nothing may be moved here; undefined when it may. */
  async occupation(): Promise<string | undefined> {
    const why = await this.timeline.occupation();
    if (why !== undefined) return why;
    for (const [store, pool] of this.#pools)
      for (const { table } of stores[store].tables)
        if (table !== alwaysThere && (await pool.read(`select 1 from ${table} limit 1`)).length > 0)
          return `the table ${table} of its ${store} database has rows`;
    return undefined;
  }
}

/** That of the partition which its commands will go to, so that owners of different partitions do not meet in one shard. */
const shardOf = (id: ConversationId, { kafkaPartitions }: Config): number =>
  shardOfPartition((murmur2(Buffer.from(id)) >>> 0) % kafkaPartitions);
