import { expect, test } from 'bun:test';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { HotKeys } from './hot-keys.ts';

test('a key with a large share is hot, however many other keys are requested once', () => {
  const hot = new HotKeys({ countersMax: 100, hotShare: 0.05, window: 10_000 });
  for (let round = 0; round < 5_000; round++) {
    if (round % 10 === 0) hot.note('hot');
    hot.note(`once ${round}`);
  }
  expect(hot.list().map(({ key }) => key)).toEqual(['hot']);
  expect(hot.note('hot')).toBe(true);
  expect(hot.note('once 1')).toBe(false);
});

test('a hot key cools down when others are requested', () => {
  const hot = new HotKeys({ countersMax: 50, hotShare: 0.2, window: 500 });
  for (let round = 0; round < 1_000; round++) hot.note('yesterday');
  expect(hot.note('yesterday')).toBe(true);
  for (let round = 0; round < 3_000; round++) hot.note(`k${round % 40}`);
  expect(hot.note('yesterday')).toBe(false);
});

test('no count is above the truth, and each key of more than its share has a counter, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { minLength: 1, maxLength: 400 }), (asked) => {
      const countersMax = 8;
      const hot = new HotKeys({ countersMax, hotShare: 0, window: Number.POSITIVE_INFINITY });
      const truth = new Map<string, number>();
      for (const number of asked) {
        hot.note(`k${number}`);
        truth.set(`k${number}`, (truth.get(`k${number}`) ?? 0) + 1);
      }
      const listed = new Map(hot.list().map(({ key, count }) => [key, count]));
      for (const [key, count] of listed) expect(count).toBeLessThanOrEqual(truth.get(key) ?? 0);
      if (truth.size <= countersMax)
        for (const [key, count] of truth) if (count >= 2) expect(listed.get(key)).toBe(count);
    }),
    { seed: testSeed('hot keys') },
  );
});

test('of questions by the law of Zipf the hottest keys are found', () => {
  const random = createRandom(testSeed('hot keys by Zipf'));
  const hot = new HotKeys({ countersMax: 500, hotShare: 0.01, window: 50_000 });
  // Rank r is requested with a share of about 1 / (r * ln 10,000).
  for (let round = 0; round < 40_000; round++) hot.note(`k${Math.floor(10_000 ** random())}`);
  const found = hot.list().map(({ key }) => key);
  for (const rank of [1, 2, 3, 4, 5]) expect(found).toContain(`k${rank}`);
  expect(found.length).toBeLessThan(20);
});
