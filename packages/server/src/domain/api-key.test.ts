import { expect, test } from 'bun:test';
import { apiKeyBytes, formatApiKey, hashOfSecret, isSecretOf, newApiKey, parseApiKey } from './api-key.ts';

const random = Uint8Array.from({ length: apiKeyBytes }, (_, index) => index);

test('[A20] a new key is parsed from its text, and only its secret has its hash', () => {
  const key = newApiKey(random);
  expect(parseApiKey(formatApiKey(key))).toEqual(key);
  expect(formatApiKey(key)).toMatch(/^hy_[0-9a-f]{12}_[0-9a-f]{52}$/);
  const hash = hashOfSecret(key.secret);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(isSecretOf(hash, key.secret)).toBe(true);
  expect(isSecretOf(hash, `${key.secret.slice(0, -1)}x`)).toBe(false);
  expect(isSecretOf(hash, '')).toBe(false);
  expect(isSecretOf('', key.secret)).toBe(false);
});

test('text that is not a key is not parsed', () => {
  for (const text of [
    '',
    'hy_',
    'hy_abc',
    'hy_abc_',
    'hy_abc_short',
    'hy__0123456789abcdef',
    'eyJhbGciOiJIUzI1NiJ9.e30.x',
  ])
    expect(parseApiKey(text)).toBeUndefined();
});
