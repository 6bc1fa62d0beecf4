import { expect, test } from 'bun:test';
import { checkWellFormed, cutTo, utf8Length, wellFormed } from './unicode.ts';

const goose = '\u{1fabf}';
const half = '\ud83e';

test('half of a surrogate pair is found wherever it stands, a whole pair is not', () => {
  for (const text of [half, `a${half}`, `${half}a`, `\udebf${half}`, goose + half])
    expect(() => checkWellFormed('it', text)).toThrow('it contains half of a surrogate pair');
  for (const text of ['', 'a', goose, `${goose}${goose}`, '鸿雁']) checkWellFormed('it', text);
});

test('well-formed text survives encodeURIComponent, with U+FFFD for each half', () => {
  const text = wellFormed(`a${half}b${goose}`);
  expect(text).toBe(`a\ufffdb${goose}`);
  expect(decodeURIComponent(encodeURIComponent(text))).toBe(text);
});

test('a text is cut between code points', () => {
  expect(cutTo(goose.repeat(4), 3)).toBe(goose.repeat(3));
  expect(cutTo(`ab${goose}`, 3)).toBe(`ab${goose}`);
  expect(cutTo('abc', 2)).toBe('ab');
});

test('the length in UTF-8', () => {
  expect(['', 'a', 'é', '鸿', goose].map(utf8Length)).toEqual([0, 1, 2, 3, 4]);
});
