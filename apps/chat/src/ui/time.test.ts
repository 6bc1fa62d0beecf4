// Clocks of the page beside those of the zone that the device is in now.

import { afterEach, expect, test } from 'bun:test';
import { fullTime, timeOf } from './time.ts';

const zoneBefore = process.env.TZ;
afterEach(() => {
  process.env.TZ = zoneBefore ?? 'UTC';
});

test('a device that moves to another zone shows the times of that zone, those of summer in summer time', () => {
  const inWinter = Date.UTC(2026, 0, 5, 12, 30);
  const inSummer = Date.UTC(2026, 6, 5, 12, 30);
  /** The hour on a clock of twelve: the system's own may have 24. */
  const hourIn = (zone: string, timestampMs: number) => {
    process.env.TZ = zone;
    return Number.parseInt(timeOf(timestampMs, 'en'), 10) % 12;
  };
  expect([hourIn('Europe/London', inWinter), hourIn('Europe/London', inSummer)]).toEqual([0, 1]);
  expect([hourIn('Asia/Shanghai', inWinter), hourIn('Asia/Shanghai', inSummer)]).toEqual([8, 8]);
  expect([hourIn('Atlantic/Reykjavik', inWinter), hourIn('Atlantic/Reykjavik', inSummer)]).toEqual([0, 0]);
  process.env.TZ = 'Asia/Tokyo';
  expect(fullTime(Date.UTC(2026, 0, 5, 23, 59), 'en')).toStartWith('Jan 6, 2026');
});
