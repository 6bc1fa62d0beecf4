import { expect, test } from 'bun:test';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { fullSinceEver, type Rate, takeFrom } from './rate.ts';

const rate: Rate = { perS: 10, burst: 20 };

function bucket(of: Rate = rate) {
  let fullAtMs = fullSinceEver;
  return (nowMs: number, cost = 1) => {
    const { taken, ...next } = takeFrom(fullAtMs, { rate: of, cost, nowMs });
    fullAtMs = next.fullAtMs;
    return taken;
  };
}

test('[L2] a full bucket allows its burst immediately, then its rate', () => {
  const take = bucket();
  for (let left = 19; left >= 0; left--) expect(take(0)).toMatchObject({ type: 'taken', remaining: left });
  expect(take(0)).toMatchObject({ type: 'refused', retryAfterMs: 100, remaining: 0, fullInMs: 2000 });
  expect(take(99)).toMatchObject({ type: 'refused', retryAfterMs: 1 });
  expect(take(100).type).toBe('taken');
  expect(take(100).type).toBe('refused');
  expect(take(10_000)).toMatchObject({ type: 'taken', remaining: 19 });
});

test('[L2] a cost above one takes all units or nothing; one above the burst takes a full bucket', () => {
  const take = bucket();
  expect(take(0, 15)).toMatchObject({ type: 'taken', remaining: 5 });
  expect(take(0, 6)).toMatchObject({ type: 'refused', retryAfterMs: 100, remaining: 5 });
  expect(take(0, 5)).toMatchObject({ type: 'taken', remaining: 0 });
  expect(take(2000, 1000)).toMatchObject({ type: 'taken', remaining: 0 });
});

/** Up to a few thousand calls at random times, some by a caller that waits for retryAfterMs. */
function schedule(random: () => number) {
  const own: Rate = { perS: 0.1 + random() * 500, burst: 1 + Math.floor(random() * 300) };
  const take = bucket(own);
  const passed: { readonly atMs: number; readonly cost: number }[] = [];
  const brokenPromises: number[] = [];
  let nowMs = random() * 1e9;
  let promisedAtMs: number | undefined;
  for (let call = 0; call < 1500; call++) {
    const waits = promisedAtMs !== undefined && random() < 0.5;
    if (waits) nowMs = Math.max(nowMs, promisedAtMs ?? 0);
    else nowMs += random() < 0.7 ? 0 : random() * (5000 / own.perS);
    const isKept = promisedAtMs !== undefined && nowMs >= promisedAtMs;
    const cost = promisedAtMs === undefined && random() < 0.2 ? 1 + Math.floor(random() * own.burst) : 1;
    const taken = take(nowMs, cost);
    if (taken.type === 'taken') passed.push({ atMs: nowMs, cost });
    else if (isKept) brokenPromises.push(nowMs);
    promisedAtMs = taken.type === 'refused' && cost === 1 ? nowMs + taken.retryAfterMs : undefined;
  }
  return { own, passed, brokenPromises };
}

test('[L2] any schedule takes at most burst + rate × time, and a caller that waits for retryAfterMs is not refused', () => {
  const random = createRandom(testSeed('rate'));
  for (let round = 0; round < 60; round++) {
    const { own, passed, brokenPromises } = schedule(random);
    expect(brokenPromises).toEqual([]);
    // The largest excess of any window that starts with a call: its sum, minus what the rate has added.
    let surplus = 0;
    let before = passed[0]?.atMs ?? 0;
    for (const { atMs, cost } of passed) {
      surplus = Math.max(0, surplus - ((atMs - before) * own.perS) / 1000) + cost;
      before = atMs;
      expect(surplus).toBeLessThanOrEqual(own.burst + 1e-3);
    }
  }
});
