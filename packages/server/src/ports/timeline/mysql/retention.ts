// Removing what is older than a month: first by a number that every read compares with, then from the disk. What a crash leaves on the
// disk, the next time removes. What is gone stays gone, so that one wrong clock among many processes must not decide it.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { clockAheadMs } from '../../../adapters/mysql/utc-time.ts';
import { type MonthNo, monthOf } from './months.ts';
import type { Partitions } from './partitions.ts';

/** Rows of one transaction, so that none holds locks for long. */
const sliceRows = 5_000;
/** Of one call: the next one goes on where it ended. */
const slicesMax = 200;
/** Between the clocks of the process and of the database. When it is more, one of them is wrong. */
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

  /** Months that end before `fromMs`, which is counted from the time of the process, or of the database when that is earlier. */
  async run(fromMs: number): Promise<void> {
    const { clock, log } = this.#surroundings;
    const aheadMs = await clockAheadMs(this.#pool, clock);
    if (Math.abs(aheadMs) > clocksDifferMaxMs)
      return log.error('old messages not removed: the clocks of this process and of the database differ', { aheadMs });
    const wanted = monthOf(fromMs - Math.max(0, aheadMs));
    const keptFrom = await this.#pool.transaction((statements) => raise(statements, wanted));
    if (keptFrom === 0) return;
    // Where the next entries go, now that earlier months are closed.
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

  /** Keys have no order of time: all are looked through, once for each month that goes. Appends overwrite what is met meanwhile [D3]. */
  async #deleteKeys(keptFrom: MonthNo): Promise<void> {
    for (let slices = 0; slices < slicesMax; slices++) {
      const isDone = await this.#pool.transaction((statements) => deleteSlice(statements, keptFrom));
      if (isDone) return;
    }
  }
}

/** Returns the first month that is kept from now on: the newest one that has entries at the latest. Holds the rows of all shards: no append is under way then. */
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
  // The last commit before the first month that stays.
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
  // An append may have taken one over since.
  if (stale.length > 0) await statements.run('delete from message_key where k in (?) and month < ?', [stale, keptFrom]);
  const last = keys.at(-1);
  const isDone = keys.length < sliceRows || last === undefined;
  await statements.run('update store set swept_month = ?, swept_key = ? where id = 1', [
    isDone ? keptFrom : sweep.swept_month,
    isDone ? '' : last.k,
  ]);
  return isDone;
}
