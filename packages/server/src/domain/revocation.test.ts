import { expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { RevocationSet } from './revocation.ts';

const token = (userId: string, tokenId: string, issuedAtMs?: number) => ({
  userId: userId as UserId,
  tokenId,
  issuedAtMs,
});

test('[A10] a revoked token is found until it would have expired, and no other', () => {
  const set = new RevocationSet();
  set.add({ type: 'token', tokenId: 't1', userId: 'ann' as UserId, untilMs: 100 });
  expect([set.has(token('ann', 't1', 50)), set.has(token('ann', 't2', 1))]).toEqual([true, false]);
  set.forget(99);
  expect(set.has(token('ann', 't1'))).toBe(true);
  set.forget(100);
  expect([set.has(token('ann', 't1')), set.size]).toEqual([false, 0]);
});

test('[A11] all tokens of a user from before are found, in any case of the id, and none from then on', () => {
  const set = new RevocationSet();
  set.add({ type: 'user', userId: 'Ann' as UserId, issuedBeforeMs: 100, untilMs: 1_000 });
  set.add({ type: 'user', userId: 'ann' as UserId, issuedBeforeMs: 50, untilMs: 900 });
  expect(set.has(token('ANN', 'a', 99))).toBe(true);
  expect(set.has(token('ann', 'a'))).toBe(true);
  expect(set.has(token('ann', 'a', 100))).toBe(false);
  expect(set.has(token('bob', 'a', 99))).toBe(false);
  set.forget(950);
  expect(set.has(token('ann', 'a', 99))).toBe(true);
  set.forget(1_000);
  expect(set.size).toBe(0);
});
