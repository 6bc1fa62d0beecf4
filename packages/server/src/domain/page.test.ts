// How many items fit into one page.

import { expect, test } from 'bun:test';
import { fittingCount } from './page.ts';

test('[D8] a page contains as many items as fit, and always the first one', () => {
  const fitting = (sizes: readonly number[]) => fittingCount(sizes, (size) => size, 10);
  expect(fitting([])).toBe(0);
  expect(fitting([5, 5])).toBe(2);
  expect(fitting([5, 5, 1])).toBe(2);
  expect(fitting([11, 1])).toBe(1);
  expect(fitting([1, 11, 1])).toBe(1);
});
