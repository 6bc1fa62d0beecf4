import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { MemoryCache } from './memory-cache.ts';
import { cacheContract, contractTimes } from './testing/contract.ts';

cacheContract('memory cache', async () => {
  const clock = new ManualClock();
  const cache = new MemoryCache({ ...contractTimes, clock, random: Math.random, valuesMax: 100 });
  return {
    cache,
    another: cache,
    wait: async (ms) => clock.advance(ms),
    remove: async () => undefined,
  };
});

test('beyond its bound the values used longest ago leave', async () => {
  const cache = new MemoryCache({ clock: new ManualClock(), random: Math.random, valuesMax: 10 });
  const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
  for (const key of keys) {
    const [answer] = await cache.get([key]);
    if (answer?.type === 'miss') await cache.put([{ key, lease: answer.lease, value: key }]);
  }
  expect((await cache.get(['k99']))[0]).toMatchObject({ type: 'hit', value: 'k99' });
  expect((await cache.get(['k0']))[0]).toMatchObject({ type: 'miss' });
});
