// Removes old months: first logically, by a number that every read checks, and then from the disk. After a crash the next run removes the
// rest. Removal is final, so one process with a wrong clock must not decide it.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { clockAheadMs } from '../../../adapters/mysql/utc-time.ts';
import { type MonthNo, monthOf } from './months.ts';
import type { Partitions } from './partitions.ts';

/** The rows per transaction: few, so that no transaction holds locks for long. */
const sliceRows = 5_000;
/** The maximum number of transactions per call. The next call continues. */
const slicesMax = 200;
/** The maximum difference between the clocks of the process and the database. When it is larger, one of them is wrong. */
const clocksDifferMaxMs = 3_600_000;

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

export class Retention {
  readonly #pool: MysqlPool;
  readonly #partitions: Partitions;
  readonly #surroundings: Surroundings;

  constructor(pool: MysqlPool, partitions: Partitions, surroundings: Surroundings) {
    this.#pool = pool;
    this.#partitions = partitions;
    this.#surroundings = surroundings;
  }

  /**
   * Removes the months that end before `fromMs`. When the clock of the database is behind that of the process, `fromMs` is moved back by
   * the difference.
   */
  async run(fromMs: number): Promise<void> {
    const { clock, log } = this.#surroundings;
    const aheadMs = await clockAheadMs(this.#pool, clock);
    if (Math.abs(aheadMs) > clocksDifferMaxMs)
      return log.error('old messages not removed: the clocks of this process and of the database differ', { aheadMs });
    const wanted = monthOf(fromMs - Math.max(0, aheadMs));
    const keptFrom = await this.#pool.transaction((statements) => raise(statements, wanted));
    if (keptFrom === 0) return;
    // The next entries need a partition now that earlier months are closed.
    await this.#partitions.ensure(keptFrom);
    await this.#partitions.drop(keptFrom);
    await this.#deleteSegments(keptFrom);
    await this.#deleteKeys(keptFrom);
  }

  async #deleteSegments(keptFrom: MonthNo): Promise<void> {
    for (let slices = 0; slices < slicesMax; slices++) {
      const deleted = await this.#pool.write('delete from segment where month < ? limit ?', [keptFrom, sliceRows]);
      if (deleted < sliceRows) return;
    }
  }

  /** Keys are not ordered by time, so all of them are scanned once per removed month. Appends overwrite stale keys meanwhile [D3]. */
  async #deleteKeys(keptFrom: MonthNo): Promise<void> {
    for (let slices = 0; slices < slicesMax; slices++) {
      const isDone = await this.#pool.transaction((statements) => deleteSlice(statements, keptFrom));
      if (isDone) return;
    }
  }
}

/**
 * Raises the first retained month, at most to the newest month with entries, and returns it. Locks the rows of all shards, so that no
 * append is in flight.
 */
async function raise(statements: Statements, wanted: MonthNo): Promise<MonthNo> {
  const [store] = await statements.rows<{ kept_from: number }>('select kept_from from store where id = 1 for update');
  const before = store?.kept_from ?? 0;
  const shards = await statements.rows<{ last_commit: number; month: MonthNo; removed_through: number }>(
    'select last_commit, month, removed_through from shard order by no for update',
  );
  const ofKept = shards.filter((shard) => shard.last_commit > shard.removed_through).map(({ month }) => month);
  const keptFrom = Math.min(wanted, Math.max(...ofKept));
  if (keptFrom <= before) return before;
  await statements.run('update store set kept_from = ? where id = 1', [keptFrom]);
  // The last commit before the first retained month.
  await statements.run(
    `update shard s set s.removed_through = coalesce(
       (select m.commit_before from shard_month m where m.shard = s.no and m.month >= ? order by m.month limit 1), s.last_commit)`,
    [keptFrom],
  );
  await statements.run('update shard set month = greatest(month, ?)', [keptFrom]);
  await statements.run('delete from shard_month where month < ?', [keptFrom]);
  return keptFrom;
}

async function deleteSlice(statements: Statements, keptFrom: MonthNo): Promise<boolean> {
  const [sweep] = await statements.rows<{ swept_month: MonthNo; swept_key: Buffer }>(
    'select swept_month, swept_key from store where id = 1 for update',
  );
  if (sweep === undefined || sweep.swept_month >= keptFrom) return true;
  const keys = await statements.rows<{ k: Buffer; month: MonthNo }>(
    'select k, month from message_key where k > ? order by k limit ?',
    [sweep.swept_key, sliceRows],
  );
  const stale = keys.filter(({ month }) => month < keptFrom).map(({ k }) => k);
  // Checks the month again, because an append may have overwritten the key.
  if (stale.length > 0) await statements.run('delete from message_key where k in (?) and month < ?', [stale, keptFrom]);
  const last = keys.at(-1);
  const isDone = keys.length < sliceRows || last === undefined;
  await statements.run('update store set swept_month = ?, swept_key = ? where id = 1', [
    isDone ? keptFrom : sweep.swept_month,
    isDone ? '' : last.k,
  ]);
  return isDone;
}
