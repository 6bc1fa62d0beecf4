// A cluster that a store is being moved into: its cores and workers wait until everything is there.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import { migrateDatabase } from '../../adapters/mysql/migrate.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import type { Config } from '../../config/options.ts';
import { readMoveState } from '../../ports/timeline/mysql/origin.ts';
import { timelineLayout } from '../../ports/timeline/mysql/schema.ts';
import { databaseOf } from './databases.ts';

const lookEveryMs = 20;

/**
 * Resolves at once where no move is under way; rejects with the reason when `signal` aborts. Nothing of the stores MUST be read before:
 * their epoch is the moved store's.
 */
export async function whenMoved(
  config: Config,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const options = await databaseOf(config, 'timeline');
  const limits = { ...options.limits, connectionsMax: 1, idleMin: 0 };
  const pool = await MysqlPool.open({ ...options, limits }, { clock, random: systemRandom });
  try {
    await migrateDatabase(pool, timelineLayout);
    for (let isWaiting = false; ; ) {
      const move = await readMoveState(pool);
      if (move === undefined || move.isComplete) {
        if (isWaiting) log.info('the migration is complete: starting');
        return;
      }
      if (!isWaiting) log.info('a store is being migrated into this cluster: waiting for hongyan migrate to finish');
      isWaiting = true;
      await sleep(clock, { delayMs: lookEveryMs, signal });
      signal.throwIfAborted();
    }
  } finally {
    await pool.close();
  }
}
