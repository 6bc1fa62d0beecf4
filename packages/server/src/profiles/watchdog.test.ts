import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { Histogram, latencyBoundsS } from '../metrics/histogram.ts';
import { Watchdog, type WatchdogOptions } from './watchdog.ts';

const mebibyte = 1024 * 1024;

function watch(given: Partial<WatchdogOptions> = {}) {
  const clock = new ManualClock();
  const passed: string[] = [];
  const acks = new Histogram(latencyBoundsS);
  const memory = { bytes: 100 * mebibyte };
  const watchdog = new Watchdog({
    lagMs: 200,
    memoryGrowthBytes: 50 * mebibyte,
    ackP99Ms: 250,
    ackSeconds: () => acks,
    clock,
    residentBytes: () => memory.bytes,
    onPassed: (detail) => passed.push(detail),
    ...given,
  });
  return { clock, passed, memory, acks, watchdog };
}

test('[O14] an event loop that is late in three of ten seconds passes the threshold; one late second does not', () => {
  const { clock, passed } = watch();
  clock.suspend(5_000);
  clock.advance(9_000);
  clock.suspend(1_250);
  expect(passed).toEqual([]);
  clock.suspend(1_150);
  clock.suspend(1_300);
  expect(passed).toEqual([]);
  clock.suspend(1_200);
  expect(passed).toEqual(['the event loop was late by 200 ms or more in 3 of 10 s, by 300 ms at most']);
});

test('[O14] memory that grows beyond the threshold within half an hour passes it once', () => {
  const { clock, passed, memory } = watch();
  clock.advance(10_000);
  memory.bytes = 149 * mebibyte;
  clock.advance(10_000);
  expect(passed).toEqual([]);
  memory.bytes = 150 * mebibyte;
  clock.advance(30_000);
  expect(passed).toEqual(['memory grew by 50 MiB within half an hour, to 150 MiB']);
  memory.bytes = 190 * mebibyte;
  clock.advance(1_800_000);
  expect(passed).toHaveLength(1);
});

test('[O14] one slow ack of a hundred passes the threshold, fewer or few sends do not', () => {
  const { clock, passed, acks } = watch();
  const sends = (fast: number, slow: number) => {
    for (let sent = 0; sent < fast; sent++) acks.observe(0.004);
    for (let sent = 0; sent < slow; sent++) acks.observe(0.7);
    clock.advance(10_000);
  };
  sends(1000, 9);
  sends(50, 40);
  expect(passed).toEqual([]);
  sends(990, 10);
  expect(passed).toEqual(['10 of 1000 sends within 10 s took more than 250 ms to their ack']);
  clock.advance(60_000);
  expect(passed).toHaveLength(1);
});

test('[O14] a threshold of 0 is not watched, and a closed watchdog is still', () => {
  const off = watch({ lagMs: 0, memoryGrowthBytes: 0, ackP99Ms: 0 });
  const closed = watch();
  closed.watchdog.close();
  for (const { clock, memory, acks } of [off, closed]) {
    for (let late = 0; late < 5; late++) clock.suspend(9_000);
    memory.bytes *= 10;
    for (let sent = 0; sent < 200; sent++) acks.observe(5);
    clock.advance(60_000);
  }
  expect([...off.passed, ...closed.passed]).toEqual([]);
});
