// Transactions of writes with a fence. They commit only while the fence is the newest claim of its partition.

import { abandonable } from '../../../adapters/mysql/abandon.ts';
import { type Insert, insertRows } from '../../../adapters/mysql/insert.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { type Fence, Fenced } from '../../../domain/fence.ts';

export class FencedWrites {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  /** Fences older owners. Waits for a write of an older owner that is committing. */
  async claim(fence: Fence): Promise<void> {
    await this.#pool.transaction(async (db) => {
      await db.run(
        'insert into fence (partition_no, epoch) values (?) on duplicate key update epoch = greatest(epoch, values(epoch))',
        [[fence.partition, fence.epoch]],
      );
      await assertOwner(db, fence);
    });
  }

  /** Like `abandonable`, but commits only while the fence's owner is the newest one. */
  transaction<T>(
    fence: Fence | undefined,
    work: (db: Statements, abandon: (result: T) => never) => Promise<T>,
  ): Promise<T> {
    return abandonable<T>(this.#pool, async (db, abandon) => {
      const result = await work(db, abandon);
      // Last, because all writes of the partition share the row: it is locked only during the commit.
      if (fence !== undefined) await assertOwner(db, fence);
      return result;
    });
  }

  /** Inserts many rows in statements that the server accepts. */
  insert(db: Statements, insert: Insert): Promise<void> {
    return insertRows(db, insert, this.#pool.statementBytesMax);
  }
}

/**
 * Locks the row, so that a later claim waits for the commit, while an earlier claim is visible. A partition without a row has no owner.
 */
async function assertOwner(db: Statements, fence: Fence): Promise<void> {
  const [row] = await db.rows<{ readonly epoch: number }>('select epoch from fence where partition_no = ? for update', [
    fence.partition,
  ]);
  if (row?.epoch !== fence.epoch) throw new Fenced(fence);
}
