// The tables of the timeline in MySQL. Tables that grow with every message are partitioned by month, so that retention can drop partitions.
// A partitioned table cannot enforce uniqueness across months, so tables with unique keys are not partitioned.
//
// Ids and contents are bytes, so that they compare exactly under the collations of every server.

import type { MysqlLayout } from '../../../adapters/mysql/migrate.ts';
import { newEpoch } from '../position.ts';
import { fenceTable } from './fences.ts';
import { originTables } from './origin.ts';
import { shardCount } from './position-vector.ts';

/** The columns of an entry. Entries with a target have a separate table, so that a page of messages reads none of them. */
const entryColumns = `
  conversation_no bigint unsigned not null,
  seq bigint not null,
  month int not null,
  shard tinyint not null,
  commit_no bigint not null,
  msg_id varbinary(255) not null,
  sender varbinary(255) not null,
  client_msg_id varbinary(255) not null,
  timestamp_ms bigint not null,
  is_counted tinyint not null,
  count bigint not null,
  target_seq bigint,
  refs mediumblob,
  content longblob not null,
  primary key (conversation_no, seq, month),
  key by_commit (shard, commit_no),
  key by_msg_id (msg_id)`;

/** The first partition is always empty. It exists because a table needs at least one. */
const byMonth = 'partition by range (month) (partition p0 values less than (1))';

export const partitionedTables: readonly string[] = ['entry', 'entry_change', 'message_state', 'erased', 'mention'];

const first: readonly string[] = [
  // kept_from: entries of earlier months are removed, even if their partitions still exist. swept_*: up to which key the keys of removed
  // entries are deleted.
  `create table if not exists store (
    id tinyint primary key,
    epoch varbinary(32) not null,
    kept_from int not null,
    swept_month int not null,
    swept_key varbinary(700) not null
  )`,
  `insert ignore into store (id, epoch, kept_from, swept_month, swept_key) values (1, '${newEpoch()}', 0, 0, '')`,
  // A shard numbers its commits, which is the order of the feed. month only grows, so that retention removes a prefix of the shard.
  `create table if not exists shard (
    no tinyint primary key,
    last_commit bigint not null,
    month int not null,
    removed_through bigint not null
  )`,
  `insert ignore into shard (no, last_commit, month, removed_through) values ${Array.from({ length: shardCount }, (_, no) => `(${no}, 0, 0, 0)`).join(', ')}`,
  `create table if not exists shard_month (
    shard tinyint not null,
    month int not null,
    commit_before bigint not null,
    primary key (shard, month)
  )`,
  fenceTable,
  // [D2] An append locks the row of each conversation from reading its last seq to the commit.
  `create table if not exists conversation (
    no bigint unsigned not null auto_increment primary key,
    id varbinary(255) not null,
    shard tinyint not null,
    month int not null,
    last_seq bigint not null,
    last_count bigint not null,
    last_commit bigint not null,
    last_counted_seq bigint not null,
    last_counted_ms bigint not null,
    unique key by_id (id)
  )`,
  // The first entry of a conversation in a month. first_count: the number of counted entries before it.
  `create table if not exists segment (
    conversation_no bigint unsigned not null,
    month int not null,
    first_seq bigint not null,
    first_count bigint not null,
    primary key (conversation_no, month),
    key by_month (month)
  )`,
  // [D3] One row per sender and client_msg_id of a retained entry. The row of a removed entry is overwritten when its key is used again.
  `create table if not exists message_key (
    k varbinary(700) not null primary key,
    conversation_no bigint unsigned not null,
    seq bigint not null,
    month int not null
  )`,
  `create table if not exists entry (${entryColumns}) ${byMonth}`,
  `create table if not exists entry_change (${entryColumns}, key by_target (conversation_no, target_seq)) ${byMonth}`,
  // month is that of the message, not of the change.
  `create table if not exists message_state (
    conversation_no bigint unsigned not null,
    seq bigint not null,
    month int not null,
    as_of_seq bigint not null,
    is_pinned tinyint not null,
    state mediumblob not null,
    primary key (conversation_no, seq, month),
    key by_pin (conversation_no, is_pinned, seq)
  ) ${byMonth}`,
  // Counted entries that were erased.
  `create table if not exists erased (
    conversation_no bigint unsigned not null,
    seq bigint not null,
    month int not null,
    primary key (conversation_no, seq, month)
  ) ${byMonth}`,
  // user_id '': everyone.
  `create table if not exists mention (
    conversation_no bigint unsigned not null,
    user_id varbinary(255) not null,
    seq bigint not null,
    month int not null,
    primary key (conversation_no, user_id, seq, month),
    key by_seq (conversation_no, seq)
  ) ${byMonth}`,
];

/** A key has at most 64 characters of at most four bytes each. */
const wholeKeys = ['entry', 'entry_change'].map(
  (table) => `alter table ${table} modify column client_msg_id varbinary(256) not null`,
);

export const timelineLayout: MysqlLayout = { name: 'timeline', migrations: [first, originTables, wholeKeys] };

/** For conditions of reads, because entries of earlier months are removed. */
export const keptFrom = '(select kept_from from store where id = 1)';
