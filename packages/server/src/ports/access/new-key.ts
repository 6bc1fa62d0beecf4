// A new API key: of random bytes, stored as a hash, and shown this once to whoever creates it.

import { apiKeyBytes, formatApiKey, hashOfSecret, newApiKey } from '../../domain/api-key.ts';
import type { ApiKeys, NewApiKey } from './api-keys.ts';

export type KeyCreation =
  /** `key`: its text, which nothing tells again. */
  | { readonly type: 'created'; readonly record: NewApiKey; readonly key: string }
  | { readonly type: Exclude<Awaited<ReturnType<ApiKeys['createKey']>>, 'created'>; readonly keyId: string };

/** Of a scope that is named twice one is kept. */
export async function createApiKey(
  keys: Pick<ApiKeys, 'createKey'>,
  { name, scopes, nowMs }: Pick<NewApiKey, 'name' | 'scopes'> & { readonly nowMs: number },
): Promise<KeyCreation> {
  const key = newApiKey(crypto.getRandomValues(new Uint8Array(apiKeyBytes)));
  const { keyId, secret } = key;
  const unique = [...new Set(scopes)];
  const record = { keyId, name, scopes: unique, secretHash: hashOfSecret(secret), createdAtMs: nowMs };
  const type = await keys.createKey(record);
  return type === 'created' ? { type, record, key: formatApiKey(key) } : { type, keyId };
}
