import { expect, test } from 'bun:test';
import { checkDisplayName, checkTitle } from './names.ts';

test.each(['   ', '\u200b', '\u2060\u200d', '\u0000', '\n', '', '\u3164', '\u2800', '\u202e'])(
  'the name %j is invisible and is refused',
  (text) => {
    expect(checkDisplayName(text)).toMatchObject({ type: 'refused', code: 'bad_request' });
    expect(checkTitle(text)).toMatchObject({ type: 'refused', code: 'bad_request' });
  },
);

test.each(['a\u0000b', 'a\nb', '\u202ebob', 'bob\u2066', 'a\u2028b', 'x\ud83d'])(
  'the name %j would disturb its neighbours and is refused',
  (text) => {
    expect(checkDisplayName(text).type).toBe('refused');
  },
);

test.each([
  [' Alice ', 'Alice'],
  ['Rene\u0301', 'Ren\u00e9'],
  ['王伟', '王伟'],
  ['👩‍👩‍👧‍👦', '👩‍👩‍👧‍👦'],
  ['ג׳ון', 'ג׳ון'],
  ['.', '.'],
])('the name %j is stored as %j', (text, kept) => {
  expect(checkDisplayName(text)).toEqual({ type: 'ok', value: kept });
});

test('length counts what a reader counts: graphemes', () => {
  expect(checkDisplayName('é'.normalize('NFD').repeat(64)).type).toBe('ok');
  expect(checkDisplayName('x'.repeat(65))).toMatchObject({ code: 'too_large' });
  expect(checkTitle('鸿'.repeat(128)).type).toBe('ok');
  expect(checkTitle('鸿'.repeat(129))).toMatchObject({ code: 'too_large' });
  expect(checkDisplayName(`a${'\u0301'.repeat(5_000)}`)).toMatchObject({ code: 'too_large' });
});
