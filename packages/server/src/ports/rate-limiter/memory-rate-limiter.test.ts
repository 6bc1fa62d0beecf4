// The memory limiter: the contract of every limiter, and its bound.

import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { MemoryRateLimiter } from './memory-rate-limiter.ts';
import { rateLimiterContract } from './testing/contract.ts';

const rate = { perS: 10, burst: 5 };

rateLimiterContract('memory rate limiter', async () => {
  const clock = new ManualClock();
  return {
    limiter: new MemoryRateLimiter({ clock, bucketsMax: 100 }),
    pass: async (ms) => clock.advance(ms),
  };
});

test('[L2] buckets are bounded: with too many, the fullest are forgotten and an empty one is not', () => {
  const clock = new ManualClock();
  const limiter = new MemoryRateLimiter({ clock, bucketsMax: 100 });
  for (let count = 0; count < 5; count++) limiter.draw({ key: 'flood', rate, cost: 1 });
  for (let other = 0; other < 1000; other++) limiter.draw({ key: `k${other}`, rate, cost: 1 });
  expect(limiter.size).toBeLessThanOrEqual(100);
  expect(limiter.draw({ key: 'flood', rate, cost: 1 }).type).toBe('refused');
});

test('[L2] buckets that are full again leave, so that an idle server holds next to none', () => {
  const clock = new ManualClock();
  const limiter = new MemoryRateLimiter({ clock, bucketsMax: 10_000 });
  for (let other = 0; other < 1000; other++) limiter.draw({ key: `k${other}`, rate, cost: 1 });
  clock.advance(1000);
  for (let other = 0; other < 200; other++) limiter.draw({ key: `new${other}`, rate, cost: 1 });
  expect(limiter.size).toBeLessThan(300);
});
