// The pauses between attempts.

import { expect, test } from 'bun:test';
import { pauseAfter, retryAfterMs } from './retry-schedule.ts';

const rules = { baseMs: 5_000, attemptsMax: 12 };

test('[W5] pauses grow, stay within their limit, and add up to days', () => {
  const pauses = Array.from({ length: rules.attemptsMax - 1 }, (_, index) => pauseAfter(index + 1, rules, 0.5));
  expect(pauses.slice(0, 4)).toEqual([5_000, 20_000, 80_000, 320_000]);
  expect(Math.max(...pauses)).toBe(12 * 3_600_000);
  const days = pauses.reduce((sum, pause) => sum + pause, 0) / 86_400_000;
  expect(days).toBeGreaterThan(2);
  expect(days).toBeLessThan(4);
});

test('[W5] each pause has a jitter of ±30 %', () => {
  expect(pauseAfter(1, rules, 0)).toBe(3_500);
  expect(pauseAfter(1, rules, 0.999_999)).toBe(6_500);
  expect(pauseAfter(1_000, rules, 0.5)).toBe(12 * 3_600_000);
});

test('[W5] Retry-After is read as seconds and as a date', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  expect(retryAfterMs('7', nowMs)).toBe(7_000);
  expect(retryAfterMs('Thu, 01 Jan 2026 00:01:00 GMT', nowMs)).toBe(60_000);
  expect(retryAfterMs('Wed, 31 Dec 2025 00:01:00 GMT', nowMs)).toBe(0);
  for (const header of [null, '', 'soon', '-1', '1e9']) expect(retryAfterMs(header, nowMs)).toBeUndefined();
});
