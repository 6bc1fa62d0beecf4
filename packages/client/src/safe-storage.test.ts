// How long a storage is waited for, by the time that it had and not by the clock alone.

import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { createMemoryStorage } from './memory-storage.ts';
import { SafeStorage } from './safe-storage.ts';
import { item } from './testing/storage-contract.ts';

/** A storage that answers a write when the test lets it. */
function rig() {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const memory = createMemoryStorage();
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const slow = { ...memory, putOutbox: () => answered };
  const storage = new SafeStorage({ storage: slow, clock, onFailure: (error) => failures.push(error) });
  const put = () => storage.write((kept) => kept.putOutbox(item('a', 1)));
  return { clock, failures, storage, put, answer };
}

test('[C8] one that does not answer within 5 s is left alone', async () => {
  const { clock, failures, put } = rig();
  const written = put();
  clock.advance(5_000);
  expect(await written).toBe(false);
  expect(failures).toHaveLength(1);
});

test('[C8] one that was asked before the machine slept has its time after that too, and is used on', async () => {
  const { clock, failures, storage, put, answer } = rig();
  const written = put();
  clock.suspend(600_000);
  answer();
  expect(await written).toBe(true);
  expect(failures).toEqual([]);
  expect(await storage.load()).toBeDefined();
});
