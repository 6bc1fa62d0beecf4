// The tables of the directory on the MySQL protocol, as numbered, forward-only migrations.

import type { MysqlLayout } from '../../../adapters/mysql/migrate.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { searchKeys } from '../../../domain/fold.ts';

/**
 * Rows are found by keys, which are ids in lower case, because ids that differ only in case are the same id. The id as it was created is
 * stored beside the key. Words and keys of private states are binary, because a collation would pad them with spaces. Each index covers one
 * query, so that no page is sorted.
 */
export const directoryLayout: MysqlLayout = {
  name: 'directory',
  migrations: [
    [
      `create table if not exists user (
       user_key varchar(64) collate utf8mb4_bin not null, user_id varchar(64) collate utf8mb4_bin not null,
       display_name text not null, created_at bigint not null, password_hash text, tier varchar(255),
       is_disabled tinyint not null default 0, primary key (user_key)) character set utf8mb4`,
      `create table if not exists user_word (
       word varbinary(255) not null, user_key varchar(64) collate utf8mb4_bin not null,
       primary key (word, user_key)) character set utf8mb4`,
      `create table if not exists conversation (
       conversation_key varchar(131) collate utf8mb4_bin not null, conversation_id varchar(131) collate utf8mb4_bin not null,
       kind varchar(16) not null, title text not null, created_at bigint not null, is_history_visible tinyint not null,
       who_posts varchar(16) not null, who_adds varchar(16) not null, who_mentions_all varchar(16) not null,
       member_count int not null, last_standing bigint not null, primary key (conversation_key)) character set utf8mb4`,
      // Positions have defaults for the multi-row upsert that raises them. It never inserts: see receipt-rows.ts.
      `create table if not exists member (
       conversation_key varchar(131) collate utf8mb4_bin not null, user_key varchar(64) collate utf8mb4_bin not null,
       user_id varchar(64) collate utf8mb4_bin not null default '', role varchar(8) collate utf8mb4_bin not null default 'member',
       standing bigint not null default 0, visible_from bigint not null default 1, delivered_seq bigint not null default 0,
       read_seq bigint not null default 0, sent_seq bigint not null default 0, updated_at bigint not null default 0,
       primary key (conversation_key, user_key), key by_user (user_key, conversation_key),
       key by_standing (conversation_key, role, standing)) character set utf8mb4`,
      `create table if not exists membership_count (
       user_key varchar(64) collate utf8mb4_bin not null, conversations int not null, primary key (user_key)) character set utf8mb4`,
      `create table if not exists receipt (
       conversation_key varchar(131) collate utf8mb4_bin not null, user_key varchar(64) collate utf8mb4_bin not null,
       device_id varchar(64) collate utf8mb4_bin not null, delivered_seq bigint not null, read_seq bigint not null,
       primary key (conversation_key, user_key, device_id), key by_device (user_key, device_id)) character set utf8mb4`,
      `create table if not exists private_total (
       user_key varchar(64) collate utf8mb4_bin not null, as_of_seq bigint not null, key_count int not null, bytes int not null,
       primary key (user_key)) character set utf8mb4`,
      `create table if not exists private_row (
       user_key varchar(64) collate utf8mb4_bin not null, row_key varbinary(1024) not null, seq bigint not null,
       json mediumtext not null, primary key (user_key, row_key)) character set utf8mb4`,
      // The claims of partitions. Writes of an older owner are rejected.
      'create table if not exists fence (partition_no int not null, epoch bigint not null, primary key (partition_no))',
    ],
    [
      `create table if not exists conversation_word (
       word varbinary(255) not null, conversation_key varchar(131) collate utf8mb4_bin not null,
       primary key (word, conversation_key)) character set utf8mb4`,
      addTitleWords,
    ],
  ],
};

/** Indexes the titles that were stored before titles could be searched. */
async function addTitleWords(db: Statements): Promise<void> {
  let after = '';
  for (;;) {
    const page = await db.rows<{ readonly conversation_key: string; readonly title: string }>(
      'select conversation_key, title from conversation where conversation_key > ? order by conversation_key limit 1000',
      [after],
    );
    const rows = page.flatMap((row) => searchKeys(row.title).map((word) => [word, row.conversation_key]));
    if (rows.length > 0)
      await db.run(
        'insert into conversation_word (word, conversation_key) values ? on duplicate key update word = word',
        [rows],
      );
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.conversation_key;
  }
}
