// The tables of the devices' database, as numbered steps that only go forward.

import type { MysqlLayout } from '../../../adapters/mysql/migrate.ts';
import { outboxTable } from '../../../adapters/mysql/outbox.ts';

/**
 * Rows of `device` are appended; a token is found by the index over its hash, which large batches write in the order of the hash,
 * so that a page of it takes several new keys at a time. Many writers count devices of one kind: each connection has a row of its
 * own in `kind_count`, so that they do not wait for each other, and the sum is the number.
 */
export const devicesLayout: MysqlLayout = {
  what: 'devices',
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
