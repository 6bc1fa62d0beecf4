// Folding: which queries find which names, as a table.

import { expect, test } from 'bun:test';
import { fold, searchKeys, searchPrefix } from './fold.ts';

test.each([
  ['Alice', 'alice'],
  ['Иван Петров', 'иван петров'],
  ['ÅNGSTRÖM', 'ångström'],
  ['Rene\u0301', 'ren\u00e9'],
  ['ＡＢＣ１２３', 'abc123'],
  ['ΣΟΦΟΣ', 'σοφοσ'],
  ['İstanbul', 'i\u0307stanbul'],
  ['ﬁsh', 'fish'],
  ['a\u200bb\u2060c\ufeff', 'abc'],
  ['  a \u3000\n b  ', 'a b'],
  ['\u200b \u2060', ''],
])('%j folds to %j, and folding again changes nothing', (text, folded) => {
  expect(fold(text)).toBe(folded);
  expect(fold(folded)).toBe(folded);
});

const finds = (query: string, name: string): boolean =>
  searchPrefix(query) !== '' && searchKeys(name).some((key) => key.startsWith(searchPrefix(query)));

test.each([
  ['ali', 'Alice Jones'],
  ['JONES', 'Alice Jones'],
  ['alice  j', 'Alice Jones'],
  ['lee', 'Mary-Ann Lee'],
  ['ann', 'Mary-Ann Lee'],
  ['hara', "Scarlett O'Hara"],
  ["o'h", "Scarlett O'Hara"],
  ['иван', 'Иван Петров'],
  ['петр', 'Иван Петров'],
  ['伟', '张伟'],
  ['伟明', '张伟明'],
  ['张', '张伟'],
  ['明', 'Li 张伟明'],
  ['さくら', '木村さくら'],
  ['철수', '김철수'],
  ['ren\u00e9', 'Rene\u0301'],
  ['rene\u0301e', 'Ren\u00e9e'],
  ['ång', 'ÅNGSTRÖM'],
  ['ωmega', 'Ωmega'],
  ['50%', '50% off'],
  ['🎉', '🎉 party'],
  ['party', '🎉 party'],
  ['2', 'player 2'],
  ['हिन्दी', 'मेरी हिन्दी'],
])('%j finds %j', (query, name) => {
  expect(finds(query, name)).toBe(true);
});

test.each([
  ['lice', 'Alice Jones'],
  ['ones', 'Alice Jones'],
  ['', 'Alice Jones'],
  [' \u200b', 'Alice Jones'],
  ['%', '50% off'],
  ['न्दी', 'हिन्दी'],
  ['jones alice', 'Alice Jones'],
])('%j does not find %j', (query, name) => {
  expect(finds(query, name)).toBe(false);
});

test('keys are limited in number and size, and never contain half a surrogate pair', () => {
  const keys = searchKeys('𠮷野家'.repeat(100));
  expect(keys.length).toBeLessThanOrEqual(64);
  for (const key of keys) {
    expect([...key].length).toBeLessThanOrEqual(32);
    expect(key.isWellFormed()).toBe(true);
  }
  const long = 'long name '.repeat(20);
  expect(finds(long, long)).toBe(true);
});
