// [L2] [L3] [L6] Limits of requests and stored bytes per user, with tiers from a directory that the test controls.

import { beforeEach, expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import type { Tier } from '../../domain/tier.ts';
import type { Caller } from '../../ports/core/core.ts';
import { MemoryRateLimiter } from '../../ports/rate-limiter/memory-rate-limiter.ts';
import { CallerLimits } from './caller-limits.ts';
import { StoredBytes } from './stored-bytes.ts';
import { codeOf } from './testing/world.ts';
import { UserTiers } from './user-tiers.ts';

const free: Tier = { name: 'free', perS: 10, burst: 20, storedBytesPerDay: 100_000 };
const paid: Tier = { name: 'paid', perS: 100, burst: 200, storedBytesPerDay: 1_000_000 };
const tierMap = new Map([
  ['unlimited', undefined],
  ['free', free],
  ['paid', paid],
]);

let clock: ManualClock;
let stored: Map<UserId, string>;
let readFrom: () => Promise<void>;
let answerAfter: () => Promise<void>;
let tiers: UserTiers;
let limits: CallerLimits;
beforeEach(() => {
  clock = new ManualClock();
  stored = new Map();
  readFrom = async () => {};
  answerAfter = async () => {};
  tiers = new UserTiers({
    tiers: tierMap,
    defaultTier: 'free',
    clock,
    log: silentLog,
    directory: {
      getTier: async (userId) => {
        await readFrom();
        const tier = stored.get(userId);
        await answerAfter();
        return tier;
      },
      setTier: async ({ userId, tier }) => {
        if (userId === 'nobody') return false;
        if (tier === undefined) stored.delete(userId);
        else stored.set(userId, tier);
        return true;
      },
      getUsers: async () => new Map(),
    },
  });
  limits = new CallerLimits({ tiers, limiter: new MemoryRateLimiter({ clock, bucketsMax: 1000 }) });
});

const caller = (userId: string, tier?: string): Caller => ({
  address: '',
  userId: userId as UserId,
  tokenId: 't',
  tier,
});
type Name = Parameters<CallerLimits['check']>[0];

async function passedOf(count: number, who: Caller, name: Name = 'send'): Promise<number> {
  let passed = 0;
  for (let call = 0; call < count; call++) if ((await limits.check(name, who)).type === 'ok') passed++;
  return passed;
}

test('[L2] a user has the burst of its tier for any operation, and then learns when to retry', async () => {
  expect(await passedOf(15, caller('ann'))).toBe(15);
  expect(await passedOf(10, caller('ann'), 'getMe')).toBe(5);
  expect(await limits.check('send', caller('ann'))).toMatchObject({
    code: 'rate_limited',
    retryAfterMs: 100,
    quota: { name: 'free', size: 20, windowS: 2, remaining: 0 },
  });
  expect(await passedOf(5, caller('bob'))).toBe(5);
  clock.advance(1000);
  expect(await passedOf(20, caller('ann'))).toBe(10);
});

test('[L7] reads and signals have separate limits: neither reduces what a user can send', async () => {
  expect(await passedOf(1000, caller('ann'), 'read')).toBe(200);
  expect(await passedOf(1000, caller('ann'), 'catchUp')).toBe(200);
  expect(await passedOf(1000, caller('ann'), 'send')).toBe(20);
  expect(await passedOf(1000, caller('bob'), 'hello')).toBe(20);
});

test('[L3] the tier set by the back end precedes that of the token, which precedes the default; an unknown name is ignored', async () => {
  stored.set('set' as UserId, 'paid').set('gone' as UserId, 'of an older configuration');
  expect(await passedOf(300, caller('set', 'free'))).toBe(200);
  expect(await passedOf(300, caller('claimed', 'paid'))).toBe(200);
  expect(await passedOf(300, caller('gone', 'paid'))).toBe(200);
  expect(await passedOf(300, caller('unknown', 'gold'))).toBe(20);
  expect(await passedOf(300, caller('free', 'unlimited'))).toBe(300);
});

test('[L3] a tier set by the server takes effect immediately, one set by the command line within five seconds', async () => {
  expect(await passedOf(30, caller('ann'))).toBe(20);
  expect(await tiers.set('ann' as UserId, 'paid')).toMatchObject({ type: 'ok' });
  clock.advance(1000);
  expect(await passedOf(300, caller('ann'))).toBe(100);
  stored.set('ann' as UserId, 'unlimited');
  clock.advance(5001);
  await passedOf(1, caller('ann'));
  await Promise.resolve();
  expect(await passedOf(500, caller('ann'))).toBe(500);
  expect(codeOf(await tiers.set('ann' as UserId, 'gold'))).toBe('not_found');
  expect(codeOf(await tiers.set('nobody' as UserId, 'paid'))).toBe('not_found');
});

test('[L3] a tier set while the previous one is being read remains', async () => {
  const held = Promise.withResolvers<void>();
  stored.set('ann' as UserId, 'free');
  const found = Promise.withResolvers<void>();
  answerAfter = () => {
    found.resolve();
    return held.promise;
  };
  const waiting = limits.check('send', caller('ann'));
  await found.promise;
  await tiers.set('ann' as UserId, 'paid');
  held.resolve();
  await waiting;
  expect(await passedOf(300, caller('ann'))).toBe(199);
});

test('[L1] requests that wait for the tier of their user are decided in order', async () => {
  const held = Promise.withResolvers<void>();
  readFrom = () => held.promise;
  const order: number[] = [];
  const checks = Array.from({ length: 25 }, async (_, index) => {
    const checked = await limits.check('send', caller('ann'));
    if (checked.type === 'ok') order.push(index);
  });
  held.resolve();
  await Promise.all(checks);
  expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
});

test('[L3] while the directory cannot be read the default applies', async () => {
  readFrom = () => Promise.reject(new StoreFailure('unavailable', 'no disk'));
  expect(await passedOf(30, caller('ann'))).toBe(20);
});

test('[L6] a user stores half of the day at once and the rest over it, small contents sooner than large ones', async () => {
  const bytes = new StoredBytes({ tiers, limiter: new MemoryRateLimiter({ clock, bucketsMax: 1000 }) });
  const content = 'x'.repeat(10_000 - 256);
  let passed = 0;
  for (let send = 0; send < 20; send++) if ((await bytes.charge(caller('ann'), content)).type === 'ok') passed++;
  expect(passed).toBe(5);
  const refused = await bytes.charge(caller('ann'), content);
  const small = await bytes.charge(caller('ann'), '');
  expect([codeOf(refused), codeOf(small)]).toEqual(['rate_limited', 'rate_limited']);
  const waits = [refused, small].map((each) => (each.type === 'refused' ? (each.retryAfterMs ?? 0) : 0));
  expect(waits[1]).toBeLessThan((waits[0] ?? 0) / 30);
  for (let hour = 0; hour < 24; hour++) {
    clock.advance(3_600_000);
    if ((await bytes.charge(caller('ann'), content)).type === 'ok') passed++;
  }
  expect(passed).toBeGreaterThan(8);
  expect(passed).toBeLessThanOrEqual(10);
  expect((await bytes.charge(caller('bob', 'unlimited'), content.repeat(1000))).type).toBe('ok');
});
