// The time of the database, which all processes share. By UTC: local time stands still or jumps where a summer begins or ends.

import type { Clock } from '@hongyan/base/clock';
import type { MysqlPool } from './pool.ts';

/** An expression: Unix milliseconds. */
export const utcNowMs = "(timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000)";

/** How far the process's clock is ahead of the database's; negative when it is behind, and less by the time that the question takes. */
export async function clockAheadMs(pool: MysqlPool, clock: Clock): Promise<number> {
  const nowMs = clock.nowMs();
  const [row] = await pool.read<{ now_ms: number }>(`select ${utcNowMs} now_ms`);
  if (row === undefined) throw new Error('the database tells its time in one row, and answered none');
  return nowMs - row.now_ms;
}
