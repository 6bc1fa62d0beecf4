// Numbers in the order of the commits. An auto-increment gives them in the order of the inserts: of two writers at once the later one
// may commit first, and a reader that went on behind its number would never see the other. Here whoever takes numbers holds the row
// they come from until the end of the transaction, so that a number is seen only when all below it are.

import { assert } from '@hongyan/base/assert';
import type { Statements } from '../../../adapters/mysql/session.ts';

export type Numbered = 'api_key' | 'revocation';

export interface NumberRow {
  readonly next: number;
  /** Rows of the kind that there are. */
  readonly held: number;
}

/** Locks the row: others of the kind wait until this transaction ends. */
export async function lockNumbers(db: Statements, what: Numbered): Promise<NumberRow> {
  const [row] = await db.rows<NumberRow>('select next_no as next, held from numbered where what = ? for update', [
    what,
  ]);
  assert(row, 'the layout has a row of numbers for each kind');
  return row;
}

export async function saveNumbers(db: Statements, what: Numbered, { next, held }: NumberRow): Promise<void> {
  await db.run('update numbered set next_no = ?, held = ? where what = ?', [next, held, what]);
}
