// Small tails for the tests of the SQLite timeline, so that a few entries go all the way to the sorted tables.

import type { TailLimits } from '../sqlite/month-writer.ts';

/** Limits of a tail that is drained at this number of rows, and never holds many more. */
export const tailOf = (drainAtRows: number): TailLimits => ({
  drainAtRows,
  rowsPerConversationMin: 1,
  rowsMax: 2 * drainAtRows,
});
