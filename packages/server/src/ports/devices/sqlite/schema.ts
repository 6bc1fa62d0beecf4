// The tables of devices.db, as numbered, forward-only migrations.

import type { Database } from 'bun:sqlite';
import { assertStoreLayout, migrateStore, type StoreLayout } from '../../../adapters/sqlite/migrate.ts';

/**
 * Rows are appended. A random text as key would scatter inserts over the whole table. So tokens are found by a narrow table of their
 * hashes, which large batches write in the order of the hash, so that a page takes several new keys at a time. Hashes are seeded, so that
 * nobody can choose tokens that collide. Colliding tokens are stored in the next free place.
 */
const migrations: readonly string[] = [
  `CREATE TABLE device(
     no INTEGER PRIMARY KEY, token TEXT, kind_no INTEGER, registered_at INTEGER, details TEXT,
     user_id TEXT COLLATE NOCASE, id TEXT, name TEXT, last_seen INTEGER);
   CREATE TABLE token_hash(hash INTEGER PRIMARY KEY, device_no INTEGER NOT NULL);
   CREATE TABLE kind(
     no INTEGER PRIMARY KEY, model TEXT NOT NULL, firmware TEXT NOT NULL, count INTEGER NOT NULL, UNIQUE(model, firmware));
   CREATE INDEX kind_by_count ON kind(count);
   CREATE UNIQUE INDEX device_of_user ON device(user_id, id) WHERE id IS NOT NULL;
   CREATE INDEX device_by_user ON device(user_id) WHERE user_id IS NOT NULL;
   CREATE INDEX device_by_last_seen ON device(last_seen) WHERE last_seen IS NOT NULL;
   CREATE TABLE seed(value INTEGER NOT NULL);
   INSERT INTO seed(value) VALUES(abs(random() % 4503599627370496));`,
  'CREATE TABLE outbox(no INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, payload TEXT NOT NULL)',
];

/** "HyDv". */
const layout: StoreLayout = { applicationId: 0x48794476, name: 'store of devices', migrations };

export const migrateDevices = (db: Database): void => migrateStore(db, layout);
export const assertDevicesLayout = (db: Database): void => assertStoreLayout(db, layout);
