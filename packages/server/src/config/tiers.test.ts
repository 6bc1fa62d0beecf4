import { expect, test } from 'bun:test';
import { parseTiers } from './tiers.ts';

test('[L2] tiers are read by name, beside one without limits', () => {
  expect([...parseTiers('free=10/20/100, slow=0.5/1/1')]).toEqual([
    ['unlimited', undefined],
    ['free', { name: 'free', perS: 10, burst: 20, storedBytesPerDay: 104_857_600 }],
    ['slow', { name: 'slow', perS: 0.5, burst: 1, storedBytesPerDay: 1_048_576 }],
  ]);
});

test.each([
  'free',
  'free=10',
  'free=0/20/1',
  'free=10/0/1',
  'Free=1/1/1',
  'free=-1/1/1',
  'a=1/1/1,a=1/1/1',
  'unlimited=1/1/1',
])('tiers %s are refused', (text) => {
  expect(() => parseTiers(text)).toThrow(/tiers/);
});
