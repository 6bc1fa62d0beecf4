import { expect, test } from 'bun:test';
import { dotPath, linePath, nearest, niceMax } from './trend.ts';

const scale = { fromMs: 0, toMs: 600, max: 10 };

test('a line is interrupted where there was no value, and a lone value is a dot', () => {
  const times = [0, 60, 120, 180, 240];
  expect(linePath(times, [0, 10, null, 5, null], scale)).toBe('M0 120L60 0M180 60');
  expect(dotPath(times, [0, 10, null, 5, null], scale)).toBe('M180 60h0');
  expect(dotPath(times, [5, null, 5, 5, null], scale)).toBe('M0 60h0');
});

test('the top of a chart is a round number that is not below its values', () => {
  expect(niceMax([3, null, 7], 1)).toBe(10);
  expect(niceMax([120], 1)).toBe(200);
  expect(niceMax([null], 1)).toBe(1);
  expect(niceMax([0.3], 0.1)).toBe(0.5);
});

test('the point nearest to the pointer is chosen', () => {
  expect(nearest([0, 100, 600], 0.9, scale)).toBe(2);
  expect(nearest([0, 100, 600], 0.1, scale)).toBe(1);
  expect(nearest([], 0.1, scale)).toBeUndefined();
});
