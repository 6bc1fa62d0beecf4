// The database that the tests of the MySQL timeline share. It is emptied for each test, because creating its tables takes a second.

import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import { Scratch, type ScratchDatabase } from '@hongyan/testing/scratch';
import type { MysqlLimits } from '../../../../adapters/mysql/options.ts';
import { type MysqlTimelineOptions, type MysqlTimelineStore, openMysqlTimeline } from '../../mysql-timeline.ts';
import { partitionedTables } from '../schema.ts';

type Surroundings = Partial<Pick<MysqlTimelineOptions, 'clock' | 'log' | 'meter'>>;

export class TimelineDatabase {
  readonly #scratch: Scratch;
  readonly #opened: MysqlTimelineStore[] = [];
  readonly #database: ScratchDatabase;

  static async make(addresses: ConstructorParameters<typeof Scratch>[0]): Promise<TimelineDatabase> {
    const scratch = new Scratch(addresses);
    return new TimelineDatabase(scratch, await scratch.database('timeline'));
  }

  private constructor(scratch: Scratch, database: ScratchDatabase) {
    this.#scratch = scratch;
    this.#database = database;
  }

  /** For another process. */
  get address(): ScratchDatabase {
    return this.#database;
  }

  async open(limits: Partial<MysqlLimits> = {}, surroundings: Surroundings = {}): Promise<MysqlTimelineStore> {
    const timeline = await openTimelineAt(this.#database, limits, surroundings);
    this.#opened.push(timeline);
    return timeline;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((timeline) => timeline.close()));
  }

  /** As new, except that its partitions stay. */
  async empty(): Promise<void> {
    const { pool } = await this.open();
    const unpartitioned = [
      'conversation',
      'segment',
      'message_key',
      'shard_month',
      'fence',
      'origin',
      'origin_position',
    ];
    await pool.transaction(async (statements) => {
      for (const table of [...unpartitioned, ...partitionedTables]) await statements.run(`delete from ${table}`);
      await statements.run("update store set kept_from = 0, swept_month = 0, swept_key = ''");
      await statements.run('update shard set last_commit = 0, month = 0, removed_through = 0');
    });
    await this.closeAll();
  }

  async remove(): Promise<void> {
    await this.closeAll();
    await this.#scratch.remove();
  }
}

export const openTimelineAt = (
  database: ScratchDatabase,
  limits: Partial<MysqlLimits> = {},
  surroundings: Surroundings = {},
): Promise<MysqlTimelineStore> =>
  openMysqlTimeline({
    mysql: { ...database, limits: { idleMin: 1, ...limits } },
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    appendsMax: 1_000,
    ...surroundings,
  });
