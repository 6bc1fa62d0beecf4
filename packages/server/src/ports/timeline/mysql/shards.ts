// Reads the last commits of the shards.

import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { ShardVector } from './position-vector.ts';

/** Both are commit numbers, 0 before the first commit. */
export interface Shard {
  readonly lastCommit: number;
  /** The commit of the newest entry that retention removed. */
  readonly removedThrough: number;
}

export async function readShards(pool: MysqlPool): Promise<readonly Shard[]> {
  const rows = await pool.read<{ last_commit: number; removed_through: number }>(
    'select last_commit, removed_through from shard order by no',
  );
  return rows.map(({ last_commit, removed_through }) => ({ lastCommit: last_commit, removedThrough: removed_through }));
}

export const vectorOf = (shards: readonly Shard[]): ShardVector => shards.map(({ lastCommit }) => lastCommit);

export const isBeyond = (vector: ShardVector, shards: readonly Shard[]): boolean =>
  vector.some((commit, shard) => commit > (shards[shard]?.lastCommit ?? 0));
