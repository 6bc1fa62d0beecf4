import { expect, test } from 'bun:test';
import { checkNewPassword, preparePassword } from './password.ts';

test('composed and decomposed letters, and all kinds of spaces, are one password', () => {
  expect(preparePassword('cafe\u0301\u00a0au\u3000lait')).toBe('caf\u00e9 au lait');
  expect(preparePassword('')).toBeUndefined();
  expect(preparePassword('tab\there')).toBeUndefined();
  expect(preparePassword('half\ud83d')).toBeUndefined();
});

test.each([
  '        ',
  'password',
  'PassWord',
  '12345678',
  'aaaaaaaa',
  'abababab',
  'alice.jones',
  'Alice.Jones',
  'qwertyuiop',
])('the password %j is too easy to guess and is refused', (password) => {
  expect(checkNewPassword(password, 'alice.jones')).toMatchObject({ type: 'refused', code: 'bad_request' });
});

test('length counts graphemes', () => {
  expect(checkNewPassword('鸿雁传书千里', 'a').type).toBe('refused');
  expect(checkNewPassword('鸿雁传书千里之外', 'a').type).toBe('ok');
  expect(checkNewPassword('x1'.repeat(150), 'a').type).toBe('refused');
  expect(checkNewPassword('correct horse', 'a')).toEqual({ type: 'ok', value: 'correct horse' });
});
