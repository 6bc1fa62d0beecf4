import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { backOffMs } from './back-off.ts';

const bounds = { baseMs: 500, maxMs: 30_000 };

test('[C6] a delay is drawn from zero to a bound that doubles with each attempt up to a maximum', () => {
  const longest = (attempt: number) => backOffMs(attempt, { ...bounds, random: () => 0.999_999_999 });
  expect([0, 1, 2, 3].map(longest)).toEqual([499, 999, 1999, 3999]);
  expect([6, 7, 50, 5000].map(longest)).toEqual([29_999, 29_999, 29_999, 29_999]);
});

test('[C6] every delay within the bound is as likely as any other', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, drawn) => {
      const delay = backOffMs(attempt, { ...bounds, random: () => drawn });
      const bound = Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.min(attempt, 30));
      expect(delay).toBe(Math.floor(drawn * bound));
    }),
    { seed: testSeed('back-off') },
  );
});
