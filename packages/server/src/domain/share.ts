// Distributes jobs over workers.

import { assert } from '@hongyan/base/assert';

/**
 * The number of jobs of one worker. All shares add up to `jobs` and differ by one at most; lower ranks have the larger shares. A share
 * never shrinks when workers leave or its rank decreases, so a new last worker takes only its own share from the others.
 */
export function shareOf({
  jobs,
  workers,
  rank,
}: {
  readonly jobs: number;
  readonly workers: number;
  /** Starts at 0. All processes use the same order. */
  readonly rank: number;
}): number {
  assert(rank >= 0 && rank < workers, 'the rank is below the number of workers', `${rank} of ${workers}`);
  return Math.max(0, Math.ceil((jobs - rank) / workers));
}
