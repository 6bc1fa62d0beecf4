// The databases of the cluster that a data folder is moved into.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import type { ConversationId } from '@hongyan/protocol/ids';
import { murmur2 } from '@platformatic/kafka';
import { type MysqlLayout, migrateDatabase } from '../../adapters/mysql/migrate.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import { type ImportedTable, TableCopy } from '../../adapters/mysql/table-copy.ts';
import type { Config } from '../../config/options.ts';
import { accessTables } from '../../ports/access/mysql/imported-tables.ts';
import { accessLayout } from '../../ports/access/mysql/schema.ts';
import { devicesTables } from '../../ports/devices/mysql/imported-tables.ts';
import { devicesLayout } from '../../ports/devices/mysql/schema.ts';
import { directoryTables } from '../../ports/directory/mysql/imported-tables.ts';
import { raiseSent } from '../../ports/directory/mysql/receipt-rows.ts';
import { directoryLayout } from '../../ports/directory/mysql/schema.ts';
import type { SentAdvance } from '../../ports/directory/receipts.ts';
import type { Position } from '../../ports/event-log/event-log.ts';
import { eventsTables, putFeedPosition } from '../../ports/event-log/mysql/imported-tables.ts';
import { eventsLayout } from '../../ports/event-log/mysql/schema.ts';
import { shardOfPartition } from '../../ports/timeline/mysql/position-vector.ts';
import { MysqlTimelineImport } from '../../ports/timeline/mysql-timeline-import.ts';
import type { Closing } from '../closing.ts';
import { databaseOf } from '../cluster/databases.ts';
import { type TableStore, tableStores } from './source.ts';

const stores: Readonly<
  Record<TableStore, { readonly layout: MysqlLayout; readonly tables: readonly ImportedTable[] }>
> = {
  directory: { layout: directoryLayout, tables: directoryTables },
  access: { layout: accessLayout, tables: accessTables },
  devices: { layout: devicesLayout, tables: devicesTables },
  events: { layout: eventsLayout, tables: eventsTables },
};

/** It has rows in an empty database. */
const alwaysThere = 'numbered';

export interface ImportedTableCopy {
  readonly store: TableStore;
  readonly table: ImportedTable;
  readonly copy: TableCopy;
}

export class MoveTarget {
  readonly timeline: MysqlTimelineImport;
  readonly copies: readonly ImportedTableCopy[];
  readonly #pools: ReadonlyMap<TableStore, MysqlPool>;

  /** Makes databases and tables where they are missing. What was opened is closed with `closing`. */
  static async open(
    config: Config,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
    closing: Closing,
  ): Promise<MoveTarget> {
    const environment = { clock, log, random: systemRandom };
    const timeline = await MysqlTimelineImport.open(
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

  private constructor(timeline: MysqlTimelineImport, pools: ReadonlyMap<TableStore, MysqlPool>) {
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
