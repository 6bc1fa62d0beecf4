// Creates an API key from random bytes. Only its hash is stored, so its text is available this once.

import { apiKeyBytes, formatApiKey, hashOfSecret, newApiKey } from '../../domain/api-key.ts';
import type { ApiKeys, NewApiKey } from './api-keys.ts';

export type KeyCreation =
  /** `key` is the text of the key, which cannot be read again. */
  | { readonly type: 'created'; readonly record: NewApiKey; readonly key: string }
  | { readonly type: Exclude<Awaited<ReturnType<ApiKeys['createKey']>>, 'created'>; readonly keyId: string };

/** Repeated scopes are stored once. */
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
