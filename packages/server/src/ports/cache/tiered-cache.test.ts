// The tiers together: which tier is queried, and the races of readers with writers.

import { beforeEach, expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import type { Cache } from './cache.ts';
import { MemoryCache } from './memory-cache.ts';
import { TieredCache, type TieredCacheOptions } from './tiered-cache.ts';

const times = { ttlMs: 1_000, leaseMs: 500 };
const localMs = 100;

let clock: ManualClock;
let cache: MemoryCache;
/** The store: its values, and the queries that it received. */
let stored: Map<string, string>;
let asked: (readonly string[])[];
beforeEach(() => {
  clock = new ManualClock();
  cache = new MemoryCache({ ...times, clock, random: Math.random, valuesMax: 10_000 });
  stored = new Map([
    ['a', 'a1'],
    ['b', 'b1'],
  ]);
  asked = [];
});

const load = async (keys: readonly string[]) => {
  asked.push(keys);
  return new Map(keys.flatMap((key) => (stored.has(key) ? [[key, stored.get(key) ?? '']] : [])));
};
/** A process. Every key is hot. */
const open = (more: Partial<TieredCacheOptions<string>> = {}) =>
  new TieredCache<string>({
    ...{ cache, prefix: 'x:', load, clock, log: silentLog, localMax: 100, localMs, hot: { hotShare: 0 } },
    ...more,
  });

/** A gate in front of a function: calls wait until it is opened. */
function held<A extends readonly unknown[], R>(run: (...args: A) => Promise<R>) {
  const gate = Promise.withResolvers<void>();
  const arrival = Promise.withResolvers<void>();
  return {
    reached: arrival.promise,
    open: gate.resolve,
    async run(...args: A): Promise<R> {
      const result = await run(...args);
      arrival.resolve();
      await gate.promise;
      return result;
    },
  };
}

test('[F4] many keys are one query of the store; missing values are absent, and that is cached too', async () => {
  const one = open();
  expect([...(await one.get(['a', 'none', 'b', 'a']))]).toEqual([
    ['a', 'a1'],
    ['b', 'b1'],
  ]);
  expect(asked).toEqual([['a', 'none', 'b']]);
  expect((await open().get(['none', 'a'])).get('none')).toBeUndefined();
  expect(asked).toHaveLength(1);
});

test('[F4] requests at once share one load', async () => {
  const gate = held(load);
  const one = open({ load: gate.run });
  const all = Promise.all(Array.from({ length: 50 }, () => one.get(['a'])));
  await gate.reached;
  gate.open();
  expect((await all).map((values) => values.get('a'))).toEqual(Array.from({ length: 50 }, () => 'a1'));
  expect(asked).toHaveLength(1);
});

test('[F4] hot values stay in the process, for their time; others are read from the shared cache', async () => {
  const one = open({ hot: { hotShare: 0.2, countersMax: 10 } });
  for (let round = 0; round < 20; round++) await one.get(['a', `k${round}`]);
  const before = { ...one.counts };
  await one.get(['a']);
  expect(one.counts.local).toBe(before.local + 1);
  await one.get(['k3']);
  expect(one.counts.shared).toBe(before.shared + 1);
  clock.advance(localMs);
  await one.get(['a']);
  expect(one.counts.shared).toBe(before.shared + 2);
});

test('[F4] a change is seen by every read of its process that begins after it resolved, and by others when they hear of it', async () => {
  const [one, other] = [open(), open()];
  for (const process of [one, other, one, other]) await process.get(['a']);
  stored.set('a', 'a2');
  await one.changed(['a']);
  expect((await one.get(['a'])).get('a')).toBe('a2');
  expect((await other.get(['a'])).get('a')).toBe('a1');
  other.forget(['a']);
  expect((await other.get(['a'])).get('a')).toBe('a2');
});

test('[F4] a reader that loaded the old value while it changed leaves it nowhere', async () => {
  const gate = held(load);
  const [one, other] = [open({ load: gate.run }), open()];
  const reading = one.get(['a']);
  await gate.reached;
  stored.set('a', 'a2');
  await other.changed(['a']);
  one.forget(['a']);
  const later = one.get(['a']);
  gate.open();
  expect((await reading).get('a')).toBe('a1');
  expect((await later).get('a')).toBe('a2');
  expect((await one.get(['a'])).get('a')).toBe('a2');
  expect((await other.get(['a'])).get('a')).toBe('a2');
});

test('[F4] the same, where the word of the change is lost: nothing old outlives its times', async () => {
  const gate = held(load);
  const [one, other] = [open({ load: gate.run }), open()];
  const reading = one.get(['a']);
  await gate.reached;
  stored.set('a', 'a2');
  await other.changed(['a']);
  gate.open();
  await reading;
  await one.get(['a']);
  clock.advance(localMs);
  expect((await one.get(['a'])).get('a')).toBe('a2');
});

test('[F4] without the shared cache values come from the store, and a change still resolves', async () => {
  const down: Cache = {
    get: () => Promise.reject(new StoreFailure('unavailable', 'down')),
    put: () => Promise.reject(new StoreFailure('unavailable', 'down')),
    drop: () => Promise.reject(new StoreFailure('unavailable', 'down')),
  };
  const one = open({ cache: down });
  expect((await one.get(['a'])).get('a')).toBe('a1');
  stored.set('a', 'a2');
  await one.changed(['a']);
  expect((await one.get(['a'])).get('a')).toBe('a2');
});

test('a failure of the store rejects all waiting callers, and the next call queries again', async () => {
  let isDown = true;
  const one = open({ load: (keys) => (isDown ? Promise.reject(new StoreFailure('unavailable', 'down')) : load(keys)) });
  const failures = await Promise.all([rejectionOf(one.get(['a'])), rejectionOf(one.get(['a', 'b']))]);
  for (const failure of failures) expect(failure).toBeInstanceOf(StoreFailure);
  isDown = false;
  expect((await one.get(['a'])).get('a')).toBe('a1');
});

test('[F4] whatever readers and writers of two processes do at once, and whichever words are lost, no value is older than its times', async () => {
  const random = createRandom(testSeed('tiered cache'));
  const within = (max: number) => Math.floor(random() * max);
  /** When each version of the key was stored. */
  const storedAtMs: number[] = [0];
  const gates = new Set<() => void>();
  const later = () => new Promise<void>((resolve) => gates.add(resolve));
  const slowly = async (keys: readonly string[]) => {
    if (random() < 0.5) await later();
    const version = String(storedAtMs.length - 1);
    if (random() < 0.5) await later();
    return new Map(keys.map((key) => [key, version]));
  };
  const processes = [open({ load: slowly }), open({ load: slowly })] as const;
  const pick = () => processes[within(2) as 0 | 1];
  const work: Promise<void>[] = [];
  const read = async () => {
    const begunMs = clock.monotonicMs();
    const version = Number((await pick().get(['k'])).get('k'));
    const next = storedAtMs[version + 1] ?? Number.POSITIVE_INFINITY;
    // The maximum time that this version was read after the next one was stored.
    expect(begunMs - next).toBeLessThanOrEqual(times.ttlMs + localMs);
  };
  const write = async () => {
    storedAtMs.push(clock.monotonicMs());
    const [writer, other] = random() < 0.5 ? processes : ([processes[1], processes[0]] as const);
    await writer.changed(['k']);
    const newest = storedAtMs.length - 1;
    const seen = writer.get(['k']);
    for (const open of gates) open();
    gates.clear();
    expect(Number((await seen).get('k'))).toBeGreaterThanOrEqual(newest);
    if (random() < 0.5) return;
    if (random() < 0.5) await later();
    other.forget(['k']);
  };
  for (let step = 0; step < 4_000; step++) {
    const dice = random();
    if (dice < 0.5) work.push(read());
    else if (dice < 0.6) work.push(write());
    else if (dice < 0.8) clock.advance(within(60));
    else
      for (const open of gates) {
        gates.delete(open);
        open();
        break;
      }
    await Promise.resolve();
  }
  const isDone = Promise.all(work).then(() => true);
  while (!(await Promise.race([isDone, Bun.sleep(0).then(() => false)]))) {
    for (const open of gates) open();
    gates.clear();
  }
});
