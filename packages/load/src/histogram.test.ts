// The histogram against exact quantiles.

import { expect, test } from 'bun:test';
import { Histogram } from './histogram.ts';

test('quantiles are within 3.5 percent of the exact ones', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const values = Array.from({ length: 20_000 }, () => 10 ** (random() * 6 - 2));
  const histogram = new Histogram();
  for (const value of values) histogram.recordMs(value);
  values.sort((a, b) => a - b);
  const exact = (quantile: number) => values[Math.ceil(values.length * quantile) - 1] ?? 0;
  const { p50Ms, p99Ms, p999Ms, count } = histogram.quantiles();
  expect(count).toBe(values.length);
  for (const [measured, quantile] of [
    [p50Ms, 0.5],
    [p99Ms, 0.99],
    [p999Ms, 0.999],
  ] as const) {
    expect(Math.abs(measured / exact(quantile) - 1)).toBeLessThan(0.035);
  }
});

test('a histogram that travelled between processes adds up', () => {
  const [a, b, both] = [new Histogram(), new Histogram(), new Histogram()];
  for (let ms = 0; ms < 1000; ms++) {
    (ms % 2 ? a : b).recordMs(ms);
    both.recordMs(ms);
  }
  const sum = new Histogram();
  sum.add(a.data());
  sum.add(JSON.parse(JSON.stringify(b.data())));
  expect(sum.quantiles()).toEqual(both.quantiles());
});
