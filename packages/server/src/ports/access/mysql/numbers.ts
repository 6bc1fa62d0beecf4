// Assigns numbers in commit order. An auto-increment assigns them in the order of the inserts: of two concurrent writers the one with the
// lower number may commit last, and a reader that has passed that number would never see its row. Here a transaction locks the row of the
// counter until it ends, so that a number becomes visible only after all lower ones.

import { assert } from '@hongyan/base/assert';
import type { Statements } from '../../../adapters/mysql/session.ts';

export type Numbered = 'api_key' | 'revocation';

export interface NumberRow {
  readonly next: number;
  /** The number of rows of the kind. */
  readonly held: number;
}

/** Locks the row until the end of the transaction. */
export async function lockNumbers(db: Statements, kind: Numbered): Promise<NumberRow> {
  const [row] = await db.rows<NumberRow>('select next_no as next, held from numbered where what = ? for update', [
    kind,
  ]);
  assert(row, 'the layout has a row for each kind');
  return row;
}

export async function saveNumbers(db: Statements, kind: Numbered, { next, held }: NumberRow): Promise<void> {
  await db.run('update numbered set next_no = ?, held = ? where what = ?', [next, held, kind]);
}
