import { expect, test } from 'bun:test';
import { findLossyNumber, numberTextAt } from './exact-numbers.ts';

test.each([
  ...['9007199254740993', '1234567890123456789', '1e400', '-1e400', '0.12345678901234567890', '1e-400', '-4.9e-324'],
  ...['123456789.1234567890123', '-123456789.1234567890123', '999999999999999.87654321'],
])('the number %s would be changed', (number) => {
  expect(findLossyNumber(`{"a":{"b":[1,${number}]}}`)).toEqual({ text: number });
});

test.each(['0', '-0.5', '1.50', '1e3', '9007199254740992', '0.1', '1.7976931348623157e308', '100000000000000000000'])(
  'the number %s is held exactly',
  (number) => {
    expect(findLossyNumber(`{"a":${number}}`)).toBeUndefined();
  },
);

test('digits inside strings are no numbers, also behind escaped quotes', () => {
  expect(findLossyNumber('{"a":"9007199254740993","b\\"":"x\\\\","c":"1e400"}')).toBeUndefined();
});

test('one field of an object can be searched alone, however its key is written', () => {
  const big = '9007199254740993';
  expect(findLossyNumber(`{"a":["b",{"b":${big}}],"b":"x","c":[${big}]}`, 'b')).toBeUndefined();
  expect(findLossyNumber(`{"a":"b","\\u0062":[{"c":"d"},${big}]}`, 'b')).toEqual({ text: big });
});

test('a top-level number is returned as it is written', () => {
  expect(numberTextAt('{"content":{"id":7},"id": 9007199254740993}', 'id')).toBe('9007199254740993');
  expect(numberTextAt('{"content":{"id":7}}', 'id')).toBeUndefined();
  expect(numberTextAt('{"id":00123', 'id')).toBeUndefined();
  expect(numberTextAt('{"id":12,', 'id')).toBe('12');
});

test('a text that is all quotes, and never closes one, is read once', () => {
  // Read again from each quote it would take minutes.
  for (const end of ['', '\\', '\n']) {
    const broken = '\\"'.repeat(300_000) + end;
    expect(numberTextAt(`{"id":7,${broken}`, 'id')).toBe('7');
    expect(numberTextAt(`{${broken}`, 'id')).toBeUndefined();
  }
});
