// The contract of the rate limiter.

import { beforeEach, describe, expect, test } from 'bun:test';
import type { RateLimiter } from '../rate-limiter.ts';

export interface LimiterUnderTest {
  readonly limiter: RateLimiter;
  /** Time passes. */
  pass(ms: number): Promise<void>;
}

const rate = { perS: 10, burst: 5 };

export function rateLimiterContract(name: string, open: () => Promise<LimiterUnderTest>): void {
  describe(name, () => {
    let current: LimiterUnderTest;
    beforeEach(async () => {
      current = await open();
    });
    const draw = async (key: string, cost = 1, own = rate) => current.limiter.draw({ key, rate: own, cost });

    test('[L2] grants the burst of each key, then its rate, and returns when to retry', async () => {
      for (let count = 0; count < 5; count++) expect((await draw('a')).type).toBe('taken');
      const refused = await draw('a');
      if (refused.type !== 'refused') throw new Error('the bucket was empty');
      expect(refused.retryAfterMs).toBeGreaterThan(0);
      expect(refused.retryAfterMs).toBeLessThanOrEqual(100);
      expect((await draw('b')).type).toBe('taken');
      await current.pass(refused.retryAfterMs);
      expect((await draw('a')).type).toBe('taken');
    });

    test('[L2] decides draws that are made at once in their order: the first ones win', async () => {
      const types = await Promise.all(Array.from({ length: 8 }, async () => (await draw('a')).type));
      expect(types).toEqual([...Array(5).fill('taken'), ...Array(3).fill('refused')]);
    });

    test('[L2] resolves in the order of the calls', async () => {
      const order: number[] = [];
      await Promise.all([0, 1, 2, 3].map(async (index) => draw('a').then(() => order.push(index))));
      expect(order).toEqual([0, 1, 2, 3]);
    });

    test('[L2] takes the whole cost or nothing, and reports what is left', async () => {
      expect(await draw('a', 3)).toMatchObject({ type: 'taken', remaining: 2 });
      expect((await draw('a', 3)).type).toBe('refused');
      expect(await draw('a', 2)).toMatchObject({ type: 'taken', remaining: 0 });
    });

    test('[L2] a rate that changes is that of the next draw', async () => {
      for (let count = 0; count < 5; count++) await draw('a');
      expect((await draw('a')).type).toBe('refused');
      expect((await draw('a', 1, { perS: 10, burst: 50 })).type).toBe('taken');
    });
  });
}
