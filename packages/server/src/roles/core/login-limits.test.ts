// [L4] Guesses are limited by address and by account, and do not lock out known users.

import { beforeEach, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import type { AnonymousCaller } from '../../ports/core/core.ts';
import { MemoryRateLimiter } from '../../ports/rate-limiter/memory-rate-limiter.ts';
import { LoginLimits } from './login-limits.ts';

let clock: ManualClock;
let limits: LoginLimits;
beforeEach(() => {
  clock = new ManualClock();
  const limiter = new MemoryRateLimiter({ clock, bucketsMax: 100_000 });
  limits = new LoginLimits({ limiter, loginsPerMinute: 60, signupsPerHour: 100 });
});

const from = (address: string): AnonymousCaller => ({ address, limitKey: address });
const ann = 'ann' as UserId;

async function passedOf(
  count: number,
  attempt: (index: number) => Promise<{ readonly type: string }>,
): Promise<number> {
  let passed = 0;
  for (let index = 0; index < count; index++) if ((await attempt(index)).type === 'ok') passed++;
  return passed;
}

test('[L4] one address has ten attempts at an account, in any case of its id, then ten per minute', async () => {
  expect(await passedOf(50, (index) => limits.login(from('192.0.2.1'), (index % 2 ? 'ANN' : 'ann') as UserId))).toBe(
    10,
  );
  expect(await limits.login(from('192.0.2.1'), ann)).toMatchObject({ code: 'rate_limited', retryAfterMs: 6000 });
  expect((await limits.login(from('192.0.2.2'), ann)).type).toBe('ok');
  expect((await limits.login(from('192.0.2.1'), 'bob' as UserId)).type).toBe('ok');
  clock.advance(60_000);
  expect(await passedOf(50, () => limits.login(from('192.0.2.1'), ann))).toBe(10);
});

test('[L4] guesses at one account from all addresses are limited, and known addresses are not locked out', async () => {
  const home = from('198.51.100.7');
  expect((await limits.login(home, ann)).type).toBe('ok');
  limits.succeeded(home, ann);
  expect(await passedOf(500, (index) => limits.login(from(`192.0.2.${index % 250}`), ann))).toBeLessThanOrEqual(100);
  expect((await limits.login(from('203.0.113.1'), ann)).type).toBe('refused');
  expect((await limits.login(home, ann)).type).toBe('ok');
});

test('[L4] refused attempts of an address do not draw on the bucket of the account', async () => {
  for (let one = 1; one <= 12; one++) {
    const address = from(`192.0.2.${one}`);
    expect(await passedOf(60, (index) => limits.login(address, `user${one}-${index}` as UserId))).toBe(60);
    expect(await passedOf(10, () => limits.login(address, ann))).toBe(0);
  }
  expect((await limits.login(from('203.0.113.1'), ann)).type).toBe('ok');
});

test('[L4] one address can try sixty accounts in a row, and create twenty', async () => {
  expect(await passedOf(200, (index) => limits.login(from('192.0.2.1'), `user${index}` as UserId))).toBe(60);
  expect(await passedOf(200, () => limits.signup(from('192.0.2.1')))).toBe(20);
  expect(await passedOf(200, () => limits.signup({ address: '127.0.0.1' }))).toBe(200);
});
