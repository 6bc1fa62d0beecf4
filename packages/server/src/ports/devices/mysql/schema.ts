// The tables of the device store, as numbered, forward-only migrations.

import type { MysqlLayout } from '../../../adapters/mysql/migrate.ts';
import { outboxTable } from '../../../adapters/mysql/outbox.ts';

/**
 * Rows of `device` are appended. A token is found by the index over its hash. Large batches write in the order of the hash, so that a page
 * of the index takes several new keys at a time. When many writers count devices of one kind, each connection has a separate row in
 * `kind_count`, so that they do not wait for each other. The count is the sum.
 */
export const devicesLayout: MysqlLayout = {
  name: 'devices',
  migrations: [
    [
      `CREATE TABLE IF NOT EXISTS device(
     no BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
     token_hash BINARY(16), token VARCHAR(256), kind_no INT UNSIGNED, registered_at BIGINT, details VARCHAR(2000),
     user_id VARCHAR(64) COLLATE utf8mb4_general_ci, id VARCHAR(64), name VARCHAR(512), last_seen BIGINT,
     UNIQUE KEY device_by_token(token_hash),
     UNIQUE KEY device_of_user(user_id, id),
     KEY device_by_last_seen(last_seen)
   ) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      `CREATE TABLE IF NOT EXISTS kind(
     no INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
     kind_hash BINARY(16) NOT NULL, model VARCHAR(128) NOT NULL, firmware VARCHAR(64) NOT NULL,
     UNIQUE KEY kind_by_hash(kind_hash), KEY kind_by_model(model)
   ) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      `CREATE TABLE IF NOT EXISTS kind_count(
     kind_no INT UNSIGNED NOT NULL, part INT UNSIGNED NOT NULL, count BIGINT NOT NULL, PRIMARY KEY(kind_no, part)
   ) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      outboxTable,
    ],
  ],
};
