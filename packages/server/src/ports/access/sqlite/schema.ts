// The tables of access.db.

import type { StoreLayout } from '../../../adapters/sqlite/migrate.ts';

export const accessLayout: StoreLayout = {
  // "HyAc"
  applicationId: 0x48794163,
  name: 'store of keys and revocations',
  migrations: [
    `CREATE TABLE api_key(
       no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL, secret_hash TEXT NOT NULL,
       created_at INTEGER NOT NULL, last_used_at INTEGER);`,
    // AUTOINCREMENT, so that a reader that pages by number misses no later row. A row without token_id revokes all tokens of a user.
    `CREATE TABLE revocation(
       no INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL COLLATE NOCASE, token_id TEXT UNIQUE,
       issued_before INTEGER NOT NULL DEFAULT 0, until INTEGER NOT NULL);
     CREATE UNIQUE INDEX revocation_of_user ON revocation(user_id) WHERE token_id IS NULL;
     CREATE INDEX revocation_by_until ON revocation(until);
     CREATE TABLE token_use(
       no INTEGER PRIMARY KEY, user_id TEXT NOT NULL COLLATE NOCASE, device_id TEXT NOT NULL, token_id TEXT NOT NULL,
       expires_at INTEGER NOT NULL, UNIQUE(user_id, device_id, token_id));
     CREATE INDEX token_use_by_token ON token_use(token_id);
     CREATE INDEX token_use_by_expiry ON token_use(expires_at);`,
  ],
};
