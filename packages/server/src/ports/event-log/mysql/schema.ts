// The tables of the event log on the MySQL protocol, as numbered, forward-only migrations.

import type { MysqlLayout } from '../../../adapters/mysql/migrate.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';

export const eventsLayout: MysqlLayout = {
  name: 'events',
  migrations: [
    [
      // A single row, which an append locks until it commits, so that positions become visible in their order.
      `create table if not exists log (
         no int not null, epoch varchar(32) character set ascii collate ascii_bin not null, last_position bigint not null,
         removed_through bigint not null, bytes bigint not null, feed_position varchar(128) character set ascii collate ascii_bin,
         primary key (no)) character set utf8mb4`,
      // An event with a seq is an entry of the timeline. Its content is read there, and never stored here.
      `create table if not exists event (
         position bigint not null, id varchar(64) character set ascii collate ascii_bin not null,
         type varchar(64) character set ascii collate ascii_bin not null, at_ms bigint not null,
         lane varchar(300) collate utf8mb4_bin not null, seq bigint, data mediumtext not null, size int not null,
         primary key (position)) character set utf8mb4`,
      // The reported positions, and up to which positions events were appended (…_told).
      `create table if not exists member_position (
         conversation_id varchar(131) collate utf8mb4_bin not null, user_id varchar(64) collate utf8mb4_bin not null,
         delivered_seq bigint not null, read_seq bigint not null, delivered_told bigint not null, read_told bigint not null,
         is_untold tinyint not null, updated_at bigint not null, primary key (conversation_id, user_id),
         key by_untold (is_untold, updated_at)) character set utf8mb4`,
      // The users whose last event is user.online.
      `create table if not exists online (
         user_id varchar(64) collate utf8mb4_bin not null, primary key (user_id)) character set utf8mb4`,
      // The claims of jobs, with their expiry by the clock of the database.
      `create table if not exists claim (
         job varchar(80) collate utf8mb4_bin not null, epoch bigint not null, until_ms bigint not null, primary key (job))
       character set utf8mb4`,
      `create table if not exists endpoint (
         id varchar(64) collate utf8mb4_bin not null, url text not null, types text not null, secret text not null, old_secret text,
         old_secret_until bigint, is_enabled tinyint not null, disabled_reason text not null, created_at bigint not null,
         progress bigint not null, failures bigint not null, failing_since bigint not null, attempts_made bigint not null,
         primary key (id)) character set utf8mb4`,
      `create table if not exists parked (
         endpoint_id varchar(64) collate utf8mb4_bin not null, position bigint not null, lane varchar(300) collate utf8mb4_bin not null,
         attempts int not null, next_ms bigint not null, primary key (endpoint_id, position)) character set utf8mb4`,
      `create table if not exists attempt (
         endpoint_id varchar(64) collate utf8mb4_bin not null, no bigint not null, position bigint not null,
         event_id varchar(64) character set ascii collate ascii_bin not null,
         type varchar(64) character set ascii collate ascii_bin not null, at_ms bigint not null, duration_ms bigint not null,
         status int not null, error text not null, primary key (endpoint_id, no)) character set utf8mb4`,
      `create table if not exists dead (
         endpoint_id varchar(64) collate utf8mb4_bin not null, position bigint not null,
         event_id varchar(64) character set ascii collate ascii_bin not null,
         type varchar(64) character set ascii collate ascii_bin not null, lane varchar(300) collate utf8mb4_bin not null,
         attempts int not null, error text not null, at_ms bigint not null, primary key (endpoint_id, position))
       character set utf8mb4`,
    ],
    [addPausedUntil],
  ],
};

/** MySQL adds no column `if not exists`. */
async function addPausedUntil(db: Statements): Promise<void> {
  const there = await db.rows(
    `select 1 from information_schema.columns
     where table_schema = database() and table_name = 'endpoint' and column_name = 'paused_until'`,
  );
  if (there.length === 0) await db.run('alter table endpoint add column paused_until bigint not null default 0');
}
