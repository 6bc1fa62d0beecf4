import { expect, test } from 'bun:test';
import { StoreFailure, type StoreFailureCode } from '@hongyan/base/result';
import { asFailure, failure, onceStored, problemOf } from './refusals.ts';

test.each<StoreFailureCode>(['unavailable', 'overloaded', 'unknown_outcome'])(
  'a store that fails as %s reports the code to clients, and its message only to the log',
  (code) => {
    const { type, code: reported, message } = problemOf(new StoreFailure(code, 'Redis at 10.0.0.7 is down'));
    expect([type, reported]).toEqual(['failed', code]);
    expect(message).not.toContain('10.0.0.7');
  },
);

test('any other error is a bug, which is rethrown', () => {
  const error = new TypeError('x is undefined');
  expect(problemOf(error)).toMatchObject({ type: 'bug', code: 'internal' });
  expect(() => asFailure(error)).toThrow(error);
});

test('[D9] a failed read after a stored change leaves the outcome unknown', async () => {
  const reading = Promise.reject(new StoreFailure('unavailable', 'cannot be read'));
  expect(await onceStored(reading)).toEqual(failure.unknownOutcome());
});
