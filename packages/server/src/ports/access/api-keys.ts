// API keys: how an application's back end authenticates. Only the hash of a key's secret is kept.

import type { ApiKeyScope } from '@hongyan/protocol/api-key';

export interface ApiKeyRecord {
  readonly keyId: string;
  /** What the operator calls it: "shop back end". */
  readonly name: string;
  readonly scopes: readonly ApiKeyScope[];
  /** domain/api-key.ts: hex of SHA-256. */
  readonly secretHash: string;
  readonly createdAtMs: number;
  /** To the minute, so that a busy key is no write per request; absent: never. */
  readonly lastUsedAtMs?: number;
}

export type NewApiKey = Omit<ApiKeyRecord, 'lastUsedAtMs'>;

/** So many keys at most: creating another one is refused. */
export const apiKeysMax = 1_000;
export const apiKeyNameCharsMax = 100;

/** MUST: a key that was revoked is found by no read after that. A write that resolved survives loss of power; `touchKey` may not. */
export interface ApiKeys {
  /** Of the key as it is now, never of a copy: a key may be created and revoked beside the server. */
  findKey(keyId: string): Promise<ApiKeyRecord | undefined>;
  /** All of them, oldest first. */
  listKeys(): Promise<readonly ApiKeyRecord[]>;
  /** `full`: there are apiKeysMax; nothing is stored then, nor when the id is `taken`. */
  createKey(key: NewApiKey): Promise<'created' | 'taken' | 'full'>;
  /** false when there is no such key. */
  revokeKey(keyId: string): Promise<boolean>;
  /** An older time than the stored one, and an unknown key, change nothing. */
  touchKey(use: { readonly keyId: string; readonly atMs: number }): Promise<void>;
}
