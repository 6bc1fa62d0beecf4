// How many of the jobs that processes share are one's own.

import { assert } from '@hongyan/base/assert';

/**
 * Shares differ by one at most, and together they are all jobs. The first ranks have the larger ones, and one that comes last takes
 * from the others no more than its own share: with fewer workers, or a lower rank, a share is never smaller.
 */
export function shareOf({
  jobs,
  workers,
  rank,
}: {
  readonly jobs: number;
  readonly workers: number;
  /** From 0, the same order in every process. */
  readonly rank: number;
}): number {
  assert(rank >= 0 && rank < workers, 'a worker is one of those that share', `${rank} of ${workers}`);
  return Math.max(0, Math.ceil((jobs - rank) / workers));
}
