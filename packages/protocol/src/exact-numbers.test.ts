import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { findLossyNumber, numberTextAt } from './exact-numbers.ts';

test.each([
  ...['9007199254740993', '1234567890123456789', '1e400', '-1e400', '0.12345678901234567890', '1e-400', '-4.9e-324'],
  ...['123456789.1234567890123', '-123456789.1234567890123', '999999999999999.87654321'],
])('the number %s would be changed', (number) => {
  expect(findLossyNumber(`{"a":{"b":[1,${number}]}}`)).toEqual({ text: number });
});

test.each([
  ...['0', '-0.5', '1.50', '1e3', '9007199254740992', '0.1', '1.7976931348623157e308', '100000000000000000000'],
  ...['-0', '0e400', '-0.00e-400', '5e-324', '50E-325', '2.2250738585072014e-308', '12345678.12345678'],
])('the number %s is exact', (number) => {
  expect(findLossyNumber(`{"a":${number}}`)).toBeUndefined();
});

test('finds exactly the numbers whose value JavaScript changes, in any notation', () => {
  const seed = testSeed('exact-numbers');
  const digits = (max: number) => fc.stringMatching(new RegExp(`^(?:[0-9]|0{1,9}|9{1,9}){1,${max}}$`));
  const number = fc
    .record({
      sign: fc.constantFrom('', '-'),
      whole: digits(8).map((text) => text.replace(/^0+(?=.)/, '')),
      fraction: fc.option(digits(8)),
      exponent: fc.option(
        fc.oneof(
          fc.integer({ min: -20, max: 20 }),
          fc.integer({ min: -345, max: -300 }),
          fc.integer({ min: 290, max: 312 }),
        ),
      ),
      e: fc.constantFrom('e', 'E', 'E+', 'e0'),
    })
    .map(({ sign, whole, fraction, exponent, e }) => {
      const mantissa = `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`;
      return exponent === null ? mantissa : `${mantissa}${exponent < 0 ? 'e' : e}${exponent}`;
    });
  const nearby = fc.double({ noDefaultInfinity: true, noNaN: true }).map(String);
  fc.assert(
    fc.property(fc.array(fc.oneof(number, nearby), { minLength: 1, maxLength: 4 }), (numbers) => {
      const lossy = numbers.find((text) => !isSameValue(text, String(Number(text))));
      expect(findLossyNumber(`{"1.5e400":["1e400",[${numbers.join(' , ')}]]}`)?.text).toBe(lossy);
    }),
    { seed, numRuns: 20_000 },
  );
});

/** Uses only integers. */
function isSameValue(one: string, other: string): boolean {
  if (other.endsWith('Infinity')) return false;
  const [a, b] = [one, other].map((text) => {
    const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
    const [whole = '', fraction = ''] = mantissa.split('.');
    return { value: BigInt(whole.replace('-', '') + fraction), exponent: Number(exponent) - fraction.length };
  });
  if (a === undefined || b === undefined || one.startsWith('-') !== other.startsWith('-')) return a?.value === 0n;
  const least = Math.min(a.exponent, b.exponent);
  return a.value * 10n ** BigInt(a.exponent - least) === b.value * 10n ** BigInt(b.exponent - least);
}

test('digits inside strings are not numbers, even after escaped quotes', () => {
  expect(findLossyNumber('{"a":"9007199254740993","b\\"":"x\\\\","c":"1e400"}')).toBeUndefined();
});

test('the search can be restricted to one field, in any notation of its key', () => {
  const big = '9007199254740993';
  expect(findLossyNumber(`{"a":["b",{"b":${big}}],"b":"x","c":[${big}]}`, 'b')).toBeUndefined();
  expect(findLossyNumber(`{"a":"b","\\u0062":[{"c":"d"},${big}]}`, 'b')).toEqual({ text: big });
});

test('a top-level number is returned in its notation', () => {
  expect(numberTextAt('{"content":{"id":7},"id": 9007199254740993}', 'id')).toBe('9007199254740993');
  expect(numberTextAt('{"content":{"id":7}}', 'id')).toBeUndefined();
  expect(numberTextAt('{"id":00123', 'id')).toBeUndefined();
  expect(numberTextAt('{"id":12,', 'id')).toBe('12');
});

test('a text of unterminated quotes is scanned once', () => {
  // Scanned again from each quote, it would take minutes.
  for (const end of ['', '\\', '\n']) {
    const broken = '\\"'.repeat(300_000) + end;
    expect(numberTextAt(`{"id":7,${broken}`, 'id')).toBe('7');
    expect(numberTextAt(`{${broken}`, 'id')).toBeUndefined();
  }
});

test('a number with a million zeros is scanned once', () => {
  // Scanned again from each zero, it would take minutes.
  const zeros = '0'.repeat(1_000_000);
  expect(findLossyNumber(`{"a":0.1${zeros}1}`)).toEqual({ text: `0.1${zeros}1` });
  expect(findLossyNumber(`{"a":[0.${zeros},1.5${zeros}]}`)).toBeUndefined();
});
