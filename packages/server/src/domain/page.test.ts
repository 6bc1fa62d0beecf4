import { expect, test } from 'bun:test';
import { entryBytes, fittingCount } from './page.ts';

test('as many go as fit, and one at least', () => {
  expect(fittingCount([], 10)).toBe(0);
  expect(fittingCount([5, 5], 10)).toBe(2);
  expect(fittingCount([5, 5, 1], 10)).toBe(2);
  expect(fittingCount([11, 1], 10)).toBe(1);
  expect(fittingCount([1, 11, 1], 10)).toBe(1);
});

test('an entry is counted in bytes of UTF-8', () => {
  expect(entryBytes({ contentJson: '鸿雁' }) - entryBytes({ contentJson: '' })).toBe(6);
});
