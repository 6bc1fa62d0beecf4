// The fences of the command log's partitions: a row per partition with its epoch and its position. Transactions lock the row and compare
// its epoch.

import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { type Fence, Fenced, type LogPosition } from '../../../domain/fence.ts';

/** A statement of the migrations. */
export const fenceTable = `create table if not exists fence (
  partition_no int primary key,
  epoch bigint not null,
  next_offset bigint not null,
  published_offset bigint not null
)`;

interface Row {
  readonly epoch: number;
  readonly next_offset: number;
  readonly published_offset: number;
}

/**
 * Makes the caller the owner of the partition and fences the previous owner. Waits for a transaction of the previous owner, and fails as
 * `unavailable` at the lock timeout.
 */
export function claimPartition(pool: MysqlPool, partition: number): Promise<LogPosition> {
  return pool.transaction(async (statements) => {
    await statements.run(
      'insert into fence (partition_no, epoch, next_offset, published_offset) values (?, 1, 0, 0) on duplicate key update epoch = epoch + 1',
      [partition],
    );
    const row = await rowOf(statements, partition);
    if (row === undefined) throw new Error(`partition ${partition} has no row after it was claimed`);
    return { partition, epoch: row.epoch, offset: row.next_offset, publishedOffset: row.published_offset };
  });
}

/** Throws `Fenced` when a partition has a newer owner. Otherwise it locks the fences until the end of the transaction. */
export async function holdFences(statements: Statements, fences: readonly (Fence | LogPosition)[]): Promise<void> {
  if (fences.length === 0) return;
  // In order, so that transactions with common fences do not deadlock.
  const rows = await statements.rows<{ readonly partition_no: number; readonly epoch: number }>(
    'select partition_no, epoch from fence where partition_no in (?) order by partition_no for update',
    [fences.map(({ partition }) => partition)],
  );
  const epochs = new Map(rows.map(({ partition_no, epoch }) => [partition_no, epoch]));
  const fenced = fences.find(({ partition, epoch }) => epochs.get(partition) !== epoch);
  if (fenced) throw new Fenced(fenced);
}

/** Stores the positions of locked partitions. A position may move back, because a command log that was created anew begins at 0. */
export async function moveFences(statements: Statements, fences: readonly (Fence | LogPosition)[]): Promise<void> {
  const positions = fences.filter((fence) => 'offset' in fence);
  if (positions.length === 0) return;
  await statements.run(
    `insert into fence (partition_no, epoch, next_offset, published_offset) values ?
     on duplicate key update next_offset = values(next_offset), published_offset = values(published_offset)`,
    [positions.map(({ partition, epoch, offset, publishedOffset }) => [partition, epoch, offset, publishedOffset])],
  );
}

async function rowOf(statements: Statements, partition: number): Promise<Row | undefined> {
  const [row] = await statements.rows<Row>(
    'select epoch, next_offset, published_offset from fence where partition_no = ? for update',
    [partition],
  );
  return row;
}
