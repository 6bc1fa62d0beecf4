// The partitions of the command log as rows: who owns each, and how far it came. A row is locked and compared in the transaction that
// it guards.

import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { type Fence, Fenced, type LogPosition } from '../../../domain/fence.ts';

/** A step of the database's migrations. */
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
 * Makes the caller the partition's owner: whoever was it before is refused from now on. Waits for a transaction of the older owner;
 * `unavailable` when that takes longer than such a wait may.
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

/** Throws `Fenced` of the first one whose partition has a newer owner, and lets no other claim any before the end of the transaction. */
export async function holdFences(statements: Statements, fences: readonly (Fence | LogPosition)[]): Promise<void> {
  if (fences.length === 0) return;
  // In order, so that two that hold some of the same ones take turns.
  const rows = await statements.rows<{ readonly partition_no: number; readonly epoch: number }>(
    'select partition_no, epoch from fence where partition_no in (?) order by partition_no for update',
    [fences.map(({ partition }) => partition)],
  );
  const epochs = new Map(rows.map(({ partition_no, epoch }) => [partition_no, epoch]));
  const fenced = fences.find(({ partition, epoch }) => epochs.get(partition) !== epoch);
  if (fenced) throw new Fenced(fenced);
}

/** Of partitions that are held. One may go back: a log that was made anew begins at 0. */
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
