// A transaction that can roll itself back without an error.

import type { MysqlPool } from './pool.ts';
import type { Statements } from './session.ts';

/** Like the pool's `transaction`. `abandon(result)` rolls it back, and the call resolves with `result`. */
export async function abandonable<T>(
  pool: MysqlPool,
  work: (db: Statements, abandon: (result: T) => never) => Promise<T>,
): Promise<T> {
  const abandoned = new Abandoned<T>();
  try {
    return await pool.transaction((db) => work(db, (result) => abandoned.with(result)));
  } catch (error) {
    if (error === abandoned && abandoned.result !== undefined) return abandoned.result.value;
    throw error;
  }
}

class Abandoned<T> extends Error {
  result: { readonly value: T } | undefined;

  with(value: T): never {
    this.result = { value };
    throw this;
  }
}
