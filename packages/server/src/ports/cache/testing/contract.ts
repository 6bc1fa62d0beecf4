// The contract of the cache. Each adapter's test file runs it.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Cache, CacheAnswer, CacheTimes } from '../cache.ts';

export interface CacheUnderTest {
  /** Of the contract's times. */
  readonly cache: Cache;
  /** Another process's view of the same values. */
  readonly another: Cache;
  /** Advances the time of the cache. */
  wait(ms: number): Promise<void>;
  remove(): Promise<void>;
}

export const contractTimes: CacheTimes = { ttlMs: 60_000, leaseMs: 45_000 };

export function cacheContract(name: string, make: () => Promise<CacheUnderTest>): void {
  describe(name, () => {
    let made: CacheUnderTest;
    let cache: Cache;
    let another: Cache;
    beforeEach(async () => {
      made = await make();
      ({ cache, another } = made);
    });
    afterEach(() => made.remove());

    test('every process reads a value that was put, under its key only', async () => {
      await cache.put([{ key: 'a', lease: await leaseOf(cache, 'a'), value: '鸿雁 v1' }]);
      const answers = await another.get(['b', 'a']);
      expect(answers.map(({ type }) => type)).toEqual(['miss', 'hit']);
      expect(answers[1]).toMatchObject({ value: '鸿雁 v1' });
      expect(await cache.get([])).toEqual([]);
    });

    test('[F4] a value that was loaded before a drop is not cached after it', async () => {
      const lease = await leaseOf(cache, 'a');
      await another.drop(['a']);
      await cache.put([{ key: 'a', lease, value: 'old' }]);
      expect((await cache.get(['a']))[0]).toMatchObject({ type: 'miss' });
      await cache.put([{ key: 'a', lease, value: 'old' }]);
      expect((await another.get(['a']))[0]).toMatchObject({ type: 'miss' });
    });

    test('[F4] those who load at once share a lease, and a drop ends it for all', async () => {
      const [one, other] = [await leaseOf(cache, 'a'), await leaseOf(another, 'a')];
      expect(one).toBe(other);
      await cache.drop(['a']);
      const fresh = await leaseOf(another, 'a');
      await cache.put([{ key: 'a', lease: one, value: 'old' }]);
      await another.put([{ key: 'a', lease: fresh, value: 'new' }]);
      await cache.put([{ key: 'a', lease: one, value: 'old' }]);
      expect(await cache.get(['a'])).toMatchObject([{ type: 'hit', value: 'new' }]);
    });

    test('[F4] a drop invalidates the value for every process', async () => {
      await cache.put([{ key: 'a', lease: await leaseOf(cache, 'a'), value: '1' }]);
      await another.drop(['a', 'none']);
      expect((await cache.get(['a']))[0]).toMatchObject({ type: 'miss' });
    });

    test('[F4] a value ends with its time to live, however often it is read', async () => {
      await cache.put([{ key: 'a', lease: await leaseOf(cache, 'a'), value: '1' }]);
      expect((await cache.get(['a']))[0]).toMatchObject({ type: 'hit' });
      await made.wait(contractTimes.ttlMs / 2);
      await cache.get(['a']);
      await made.wait(contractTimes.ttlMs / 2 + 50);
      expect((await another.get(['a']))[0]).toMatchObject({ type: 'miss' });
    });

    test('values that were put together do not end together', async () => {
      const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
      const leased = await Promise.all(keys.map(async (key) => ({ key, lease: await leaseOf(cache, key) })));
      await cache.put(leased.map((entry) => ({ ...entry, value: '1' })));
      await made.wait(contractTimes.ttlMs * 0.75);
      const left = (await another.get(keys)).filter(({ type }) => type === 'hit').length;
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(keys.length);
    });

    test('a lease whose holder died ends by itself, and takes nothing any more', async () => {
      const lease = await leaseOf(cache, 'a');
      await made.wait(contractTimes.leaseMs + 50);
      expect(await leaseOf(another, 'a')).not.toBe(lease);
      await cache.put([{ key: 'a', lease, value: 'late' }]);
      expect((await cache.get(['a']))[0]).toMatchObject({ type: 'miss' });
    });
  });
}

async function leaseOf(cache: Cache, key: string): Promise<string> {
  const [answer]: readonly (CacheAnswer | undefined)[] = await cache.get([key]);
  expect(answer).toMatchObject({ type: 'miss' });
  return answer?.type === 'miss' ? answer.lease : '';
}
