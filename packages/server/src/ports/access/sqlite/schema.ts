// The tables of access.db.

import type { StoreLayout } from '../../../adapters/sqlite/migrate.ts';

export const accessLayout: StoreLayout = {
  // "HyAc"
  applicationId: 0x48794163,
  what: 'store of keys and revocations',
  migrations: [
    `CREATE TABLE api_key(
       no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL, secret_hash TEXT NOT NULL,
       created_at INTEGER NOT NULL, last_used_at INTEGER);`,
  ],
};
