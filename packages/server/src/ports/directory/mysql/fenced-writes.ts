// Transactions of writes that a partition's owner makes: they commit only while it is the owner.

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

  /** From now on what an older owner writes is refused; a write of an older one that is committing is awaited. */
  async claim(fence: Fence): Promise<void> {
    await this.#pool.transaction(async (db) => {
      await db.run(
        'insert into fence (partition_no, epoch) values (?) on duplicate key update epoch = greatest(epoch, values(epoch))',
        [[fence.partition, fence.epoch]],
      );
      await assertOwner(db, fence);
    });
  }

  /** As `abandonable`; what is stored is so only while the fence's owner is the newest one. */
  transaction<T>(
    fence: Fence | undefined,
    work: (db: Statements, abandon: (result: T) => never) => Promise<T>,
  ): Promise<T> {
    return abandonable<T>(this.#pool, async (db, abandon) => {
      const result = await work(db, abandon);
      // Last of all: the row, which all writes of the partition share, is locked no longer than the commit takes.
      if (fence !== undefined) await assertOwner(db, fence);
      return result;
    });
  }

  /** Many rows in statements that the server takes. */
  insert(db: Statements, insert: Insert): Promise<void> {
    return insertRows(db, insert, this.#pool.statementBytesMax);
  }
}

/** Locks the row: a claim that comes now waits for the commit, one that came before is seen. Nobody owns a partition without a row. */
async function assertOwner(db: Statements, fence: Fence): Promise<void> {
  const [row] = await db.rows<{ readonly epoch: number }>('select epoch from fence where partition_no = ? for update', [
    fence.partition,
  ]);
  if (row?.epoch !== fence.epoch) throw new Fenced(fence);
}
