// Requests signed with an API key, for tests: a valid key, a key without the scope, and their signatures of a body.

import type { ApiKeyScope } from '@hongyan/protocol/api-key';
import { hashOfSecret } from '../../../domain/api-key.ts';
import type { NewApiKey } from '../../access/api-keys.ts';
import type { SignedCaller } from '../core.ts';

const keyOf = (keyId: string, scopes: readonly ApiKeyScope[]): NewApiKey => ({
  ...{ keyId, name: keyId, scopes, createdAtMs: 1 },
  secretHash: hashOfSecret(`secret of ${keyId}`),
});
export const testKeys: readonly NewApiKey[] = [
  keyOf('registrar', ['devices:register']),
  keyOf('mailer', ['messages:send']),
];

export function signed(
  input: object,
  { keyId = 'registrar', signedAtMs = Date.UTC(2026, 0, 15), body = JSON.stringify(input) } = {},
): SignedCaller {
  const key = hashOfSecret(`secret of ${keyId}`);
  const signature = new Bun.CryptoHasher('sha256', key).update(`${signedAtMs}.${body}`).digest('hex');
  return { address: '127.0.0.1', keyId, signedAtMs, signature, body };
}
