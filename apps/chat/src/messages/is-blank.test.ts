import { expect, test } from 'bun:test';
import { isBlank } from './is-blank.ts';

test.each(['', ' \n\t\u3000', '\u200b\u200d\u2060\ufeff', '\u202e\u2066', '\u3164\u2800', '\ufe0f\u{e0020}'])(
  'nothing of %j can be seen',
  (text) => expect(isBlank(text)).toBe(true),
);

test.each(['.', '\u200ba', '❤️', '👨‍👩‍👧', '\u0301', '\uf8ff', '\u{1faef}', 'ि'])('%j can be seen', (text) =>
  expect(isBlank(text)).toBe(false),
);
