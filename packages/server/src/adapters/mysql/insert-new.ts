// Inserts a row that may exist already.

import { isDuplicateKey } from './failure.ts';
import type { SqlValue, Statements } from './session.ts';

/**
 * false: a row with the key exists, and nothing was changed. `into`: "conversation (no, id)". Not INSERT IGNORE, which would also
 * accept values that it truncates.
 */
export async function insertNew(
  statements: Statements,
  { into, row }: { readonly into: string; readonly row: SqlValue[] },
): Promise<boolean> {
  try {
    await statements.run(`insert into ${into} values (?)`, [row]);
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}
