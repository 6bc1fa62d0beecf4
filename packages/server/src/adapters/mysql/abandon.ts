// A transaction that may find out on its way that nothing of it is wanted.

import type { MysqlPool } from './pool.ts';
import type { Statements } from './session.ts';

/** As the pool's transaction. `abandon` ends it: nothing of it is stored, and it resolves with what abandon was given. */
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
