// An insert of what may be there already.

import { isDuplicateKey } from './failure.ts';
import type { SqlValue, Statements } from './session.ts';

/**
 * false: a row with the key is there, and nothing was changed. `into`: "conversation (no, id)". Not INSERT IGNORE, which would also
 * let values through that are cut.
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
