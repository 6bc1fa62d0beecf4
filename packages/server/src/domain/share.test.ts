// Every share of few jobs and few workers.

import { expect, test } from 'bun:test';
import { shareOf } from './share.ts';

const shares = (jobs: number, workers: number): readonly number[] =>
  Array.from({ length: workers }, (_, rank) => shareOf({ jobs, workers, rank }));

test('[W4] shares add up to all jobs and differ by one at most, lower ranks having more', () => {
  expect(shares(1, 2)).toEqual([1, 0]);
  expect(shares(2, 3)).toEqual([1, 1, 0]);
  expect(shares(4, 3)).toEqual([2, 1, 1]);
  expect(shares(0, 2)).toEqual([0, 0]);
  for (let jobs = 0; jobs <= 20; jobs++)
    for (let workers = 1; workers <= 8; workers++) {
      const all = shares(jobs, workers);
      expect(all.reduce((sum, share) => sum + share, 0)).toBe(jobs);
      expect((all[0] ?? 0) - (all.at(-1) ?? 0)).toBeWithin(0, 2);
      expect(all).toEqual(all.toSorted((a, b) => b - a));
    }
});

test('[W4] a worker that leaves makes no share smaller, and a new last worker makes none larger', () => {
  for (let jobs = 0; jobs <= 20; jobs++)
    for (let workers = 2; workers <= 8; workers++) {
      const before = shares(jobs, workers);
      for (let gone = 0; gone < workers; gone++) {
        const rest = before.filter((_, rank) => rank !== gone);
        for (const [rank, share] of shares(jobs, workers - 1).entries())
          expect(share).toBeGreaterThanOrEqual(rest[rank] ?? 0);
      }
      for (const [rank, share] of shares(jobs, workers + 1)
        .slice(0, workers)
        .entries())
        expect(share).toBeLessThanOrEqual(before[rank] ?? 0);
    }
});
