// The clock of the database, which all processes share. In UTC, because local time repeats or jumps with daylight saving time.

import type { Clock } from '@hongyan/base/clock';
import type { MysqlPool } from './pool.ts';

/** An SQL expression for the present time in Unix ms. */
export const utcNowMs = "(timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000)";

/** How far the clock of the process is ahead of the database's; negative when it is behind. Too low by up to the duration of the query. */
export async function clockAheadMs(pool: MysqlPool, clock: Clock): Promise<number> {
  const nowMs = clock.nowMs();
  const [row] = await pool.read<{ now_ms: number }>(`select ${utcNowMs} now_ms`);
  if (row === undefined) throw new Error('the database returned no row with its time');
  return nowMs - row.now_ms;
}
