// The tables of the access store on the MySQL protocol, as numbered, forward-only migrations.

import type { MysqlLayout } from '../../../adapters/mysql/migrate.ts';

export const accessLayout: MysqlLayout = {
  name: 'access',
  migrations: [
    [
      `create table if not exists api_key (
         id varchar(64) collate utf8mb4_bin not null, no bigint not null, name text not null, scopes text not null,
         secret_hash varchar(64) collate utf8mb4_bin not null, created_at bigint not null, last_used_at bigint,
         primary key (id), key by_no (no)) character set utf8mb4`,
      // The counters of the numbered tables. A transaction locks its counter until it commits: see numbers.ts.
      `create table if not exists numbered (
         what varchar(16) character set ascii collate ascii_bin not null, next_no bigint not null, held int not null, primary key (what))`,
      "insert into numbered (what, next_no, held) values ('api_key', 1, 0) on duplicate key update held = held",
      "insert into numbered (what, next_no, held) values ('revocation', 1, 0) on duplicate key update held = held",
      // The subject of a token is its hash, because issuers choose the length of token ids. The subject of a user is the id in lower case.
      `create table if not exists revocation (
         no bigint not null, kind varchar(8) character set ascii collate ascii_bin not null,
         subject varchar(64) collate utf8mb4_bin not null, user_id varchar(64) collate utf8mb4_bin not null, token_id text,
         issued_before bigint not null, until_ms bigint not null, primary key (no), unique key by_subject (kind, subject),
         key by_until (until_ms)) character set utf8mb4`,
      // A transaction that records a device of a token locks the row, which counts the devices.
      `create table if not exists token (
         token_key varchar(64) character set ascii collate ascii_bin not null, user_key varchar(64) collate utf8mb4_bin not null,
         devices int not null, expires_at bigint not null, primary key (token_key), key by_user (user_key),
         key by_expiry (expires_at)) character set utf8mb4`,
      `create table if not exists token_use (
         token_key varchar(64) character set ascii collate ascii_bin not null, user_key varchar(64) collate utf8mb4_bin not null,
         device_id varchar(64) collate utf8mb4_bin not null, token_id text not null, expires_at bigint not null,
         primary key (token_key, user_key, device_id), key by_device (user_key, device_id), key by_expiry (expires_at))
       character set utf8mb4`,
    ],
  ],
};
