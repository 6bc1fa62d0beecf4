// What of a name is shown.

import { expect, test } from 'bun:test';
import { cleanName } from './clean-name.ts';

test('names are shown as they are, in every script and with joined emoji', () => {
  for (const name of ['Ann Lee', '王伟', 'Zoë', 'שלום', 'Ⓐnna', '👨‍👩‍👧 family', 'José'])
    expect(cleanName(name)).toBe(name);
});

test('what would turn or break the line around a name is removed', () => {
  expect(cleanName('\u202Ebob')).toBe('bob');
  expect(cleanName('a\u2069\u202Eb')).toBe('a b');
  expect(cleanName('two\nlines\t here')).toBe('two lines here');
});

test.each([[' '], ['\u200b'], ['\u2060\u200d'], ['\u0000'], ['\n'], ['\u202e\u200f'], ['\u3164']])(
  '%j has nothing to see',
  (name) => {
    expect(cleanName(name)).toBe('');
  },
);
