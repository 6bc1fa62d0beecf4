import { expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { livesTooLong, ofAllTokens, RevocationSet, tokenLifeMaxS } from './revocation.ts';

const token = (userId: string, tokenId: string, issuedAtMs?: number) => ({
  userId: userId as UserId,
  tokenId,
  issuedAtMs,
});

test('[A10] a revoked token is found until its expiry, and no other token is', () => {
  const set = new RevocationSet();
  set.add({ type: 'token', tokenId: 't1', userId: 'ann' as UserId, untilMs: 100 });
  expect([set.has(token('ann', 't1', 50)), set.has(token('ann', 't2', 1))]).toEqual([true, false]);
  set.forget(99);
  expect(set.has(token('ann', 't1'))).toBe(true);
  set.forget(100);
  expect([set.has(token('ann', 't1')), set.size]).toEqual([false, 0]);
});

test('[A11] all earlier tokens of a user are found, in any case of the id, and no later ones', () => {
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

const yearMs = tokenLifeMaxS * 1000;
const dayMs = 86_400_000;

test.each([
  ['as long as tokens may', { issuedAtMs: 0, expiresAtMs: yearMs }, 0, false],
  ['rounded up to a second', { issuedAtMs: 1, expiresAtMs: yearMs + 1_000 }, 1, false],
  ['longer', { issuedAtMs: 0, expiresAtMs: yearMs + 2_000 }, 0, true],
  ['longer, of which a day is left', { issuedAtMs: 0, expiresAtMs: 2 * yearMs }, 2 * yearMs - dayMs, true],
  ['as long, and the clock stepped back', { issuedAtMs: 3_600_000, expiresAtMs: 3_600_000 + yearMs }, 0, false],
  ['as long, from more than a day ahead', { issuedAtMs: 2 * dayMs, expiresAtMs: 2 * dayMs + yearMs }, 0, true],
  ['a week, from a month ahead', { issuedAtMs: 30 * dayMs, expiresAtMs: 37 * dayMs }, 0, false],
  ['a year from now, of an unknown issue', { expiresAtMs: yearMs }, 0, false],
  ['longer, of an unknown issue', { expiresAtMs: yearMs + 2_000 }, 0, true],
] as const)('[A2] the life of a token: %s', (_what, token, nowMs, isTooLong) => {
  expect(livesTooLong(token, nowMs)).toBe(isTooLong);
});

test('[A11] all tokens include those issued before the clock was set back', () => {
  const userId = 'ann' as UserId;
  expect(ofAllTokens(userId, { nowMs: 100, newestIssueMs: 50 })).toMatchObject({ issuedBeforeMs: 101 });
  expect(ofAllTokens(userId, { nowMs: 100, newestIssueMs: 500 })).toMatchObject({ issuedBeforeMs: 501 });
});
