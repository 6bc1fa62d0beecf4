// An API key as a row, the same in SQLite and MySQL.

import type { ApiKeyScope } from '@hongyan/protocol/api-key';
import type { ApiKeyRecord } from './api-keys.ts';

export interface ApiKeyRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: string;
  readonly secret_hash: string;
  readonly created_at: number;
  readonly last_used_at: number | null;
}

export const toApiKey = (row: ApiKeyRow): ApiKeyRecord => ({
  keyId: row.id,
  name: row.name,
  scopes: row.scopes.split(' ').filter((scope) => scope !== '') as ApiKeyScope[],
  secretHash: row.secret_hash,
  createdAtMs: row.created_at,
  ...(row.last_used_at === null ? {} : { lastUsedAtMs: row.last_used_at }),
});

export const apiKeyColumns = 'id, name, scopes, secret_hash, created_at, last_used_at';
