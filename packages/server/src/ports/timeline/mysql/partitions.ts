// Manages the monthly partitions of the tables: creates them ahead of time, and drops them for retention. One process at a time changes
// them.

import type { Log } from '@hongyan/base/log';
import { withNamedLock } from '../../../adapters/mysql/migrate.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Session } from '../../../adapters/mysql/session.ts';
import { type MonthNo, monthName } from './months.ts';
import { partitionedTables } from './schema.ts';

/** A month that is further ahead of all others indicates a broken clock. */
const monthsAheadMax = 120;
const lock = { name: 'partitions', waitS: 60 };

export class Partitions {
  readonly #pool: MysqlPool;
  readonly #log: Log;
  /** The newest month with a partition in all tables; 0 when it is not known yet. */
  #newest: MonthNo = 0;
  #growing: Promise<void> | undefined;

  constructor(pool: MysqlPool, log: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Resolves at once unless the month has no partition yet. Creates the partition of the next month in the background. */
  async ensure(month: MonthNo): Promise<void> {
    if (month < this.#newest) return;
    if (month > this.#newest) await this.#growOnce(month);
    if (month > this.#newest) return this.ensure(month);
    if (month === this.#newest)
      void this.#growOnce(month + 1).catch((error: unknown) =>
        this.#log.error('partition of the next month not created', { error }),
      );
  }

  /** Removes all rows of the months before `keptFrom`, which reads no longer return. */
  drop(keptFrom: MonthNo): Promise<void> {
    return withNamedLock(this.#pool, lock, async (session) => {
      for (const [table, months] of await monthsOf(session)) {
        const removed = months.filter((month) => month > 0 && month < keptFrom);
        if (removed.length > 0)
          await session.run(`alter table ${table} drop partition ${removed.map(partitionName).join(', ')}`);
      }
    });
  }

  #growOnce(month: MonthNo): Promise<void> {
    this.#growing ??= this.#grow(month).finally(() => {
      this.#growing = undefined;
    });
    return this.#growing;
  }

  async #grow(month: MonthNo): Promise<void> {
    await withNamedLock(this.#pool, lock, async (session) => {
      for (const [table, months] of await monthsOf(session)) {
        const newest = Math.max(...months);
        if (newest > 0 && month > newest + monthsAheadMax)
          throw new Error(`an entry of ${monthName(month)} is years after all others: check the clocks of the servers`);
        const missing =
          newest === 0 ? [month] : Array.from({ length: month - newest }, (_, index) => newest + 1 + index);
        const added = missing.map((one) => `partition ${partitionName(one)} values less than (${one + 1})`);
        if (added.length > 0) await session.run(`alter table ${table} add partition (${added.join(', ')})`);
      }
    });
    this.#newest = Math.max(this.#newest, month);
  }
}

const partitionName = (month: MonthNo): string => `p${monthName(month).replace('-', '')}`;

/** The months of each table, including 0 for the initial partition. */
async function monthsOf(session: Session): Promise<ReadonlyMap<string, readonly MonthNo[]>> {
  const rows = await session.rows<{ name: string; bound: string }>(
    `select table_name name, partition_description bound from information_schema.partitions
     where table_schema = database() and table_name in (?)`,
    [[...partitionedTables]],
  );
  return new Map(
    partitionedTables.map((table) => [
      table,
      rows.filter(({ name }) => name === table).map(({ bound }) => Number(bound) - 1),
    ]),
  );
}
