import { expect, test } from 'bun:test';
import { andThen } from './maybe-promise.ts';

const sum = (value: number, a: number, b: number) => value + a + b;

test('a value that is available is passed on at once', () => {
  expect(andThen(1, sum, 2, 3)).toBe(6);
});

test('a promise is passed on when it resolves', async () => {
  const result = andThen(Promise.resolve(1), sum, 2, 3);
  expect(result).toBeInstanceOf(Promise);
  expect(await result).toBe(6);
});

test('a promise that rejects is not passed on', async () => {
  const result = andThen(Promise.reject(new Error('gone')), sum, 2, 3);
  await expect(Promise.resolve(result)).rejects.toThrow('gone');
});
