// The API keys with which back ends authenticate. Only the hash of a key's secret is stored.

import type { ApiKeyScope } from '@hongyan/protocol/api-key';

export interface ApiKeyRecord {
  readonly keyId: string;
  /** The operator's label, such as "shop back end". */
  readonly name: string;
  readonly scopes: readonly ApiKeyScope[];
  /** Hex of SHA-256 (domain/api-key.ts). */
  readonly secretHash: string;
  readonly createdAtMs: number;
  /** Accurate to the minute, so that a busy key does not cost a write per request. Absent: never used. */
  readonly lastUsedAtMs?: number;
}

export type NewApiKey = Omit<ApiKeyRecord, 'lastUsedAtMs'>;

/** At this number of keys, `createKey` returns `full`. */
export const apiKeysMax = 1_000;
export const apiKeyNameCharsMax = 100;

/**
 * Once `revokeKey` has resolved, no read may return the key. A resolved write MUST survive kill -9 and a loss of power, except
 * `touchKey`, which a loss of power may undo.
 */
export interface ApiKeys {
  /** MUST read the store, not a cached copy, because other processes create and revoke keys too. */
  findKey(keyId: string): Promise<ApiKeyRecord | undefined>;
  /** All keys, oldest first. */
  listKeys(): Promise<readonly ApiKeyRecord[]>;
  /** `taken`: the id exists. `full`: there are apiKeysMax keys. In both cases nothing is stored. */
  createKey(key: NewApiKey): Promise<'created' | 'taken' | 'full'>;
  /** false when the key does not exist. */
  revokeKey(keyId: string): Promise<boolean>;
  /** Records a use. Times older than the stored one and unknown keys change nothing. */
  touchKey(use: { readonly keyId: string; readonly atMs: number }): Promise<void>;
}
