// The tables of the directory, with the queries by which a move copies them from SQLite. Both compare ids without regard to case.

import type { CopiedRow, ImportedTable } from '../../../adapters/mysql/table-copy.ts';

const withBytesAt =
  (index: number) =>
  (row: CopiedRow): CopiedRow =>
    row.with(index, Buffer.from(String(row[index])));

/** SQLite reads each table along its index over ids, whose order equals that of the keys in MySQL. So no query sorts. */
export const directoryTables: readonly ImportedTable[] = [
  {
    table: 'user',
    columns: ['user_key', 'user_id', 'display_name', 'created_at', 'password_hash', 'tier', 'is_disabled'],
    keyColumns: 1,
    groupColumn: 'user_key',
    select: `SELECT lower(id) AS k, id, display_name, created_at, password_hash, tier, is_disabled FROM user
      WHERE created_at IS NOT NULL ORDER BY user.id`,
  },
  {
    table: 'user_word',
    columns: ['word', 'user_key'],
    keyColumns: 2,
    groupColumn: 'word',
    select: `SELECT w.word, lower(u.id) AS k FROM user_word w CROSS JOIN user u WHERE u.no = w.user_no ORDER BY w.word`,
    rowOf: withBytesAt(0),
  },
  {
    table: 'conversation',
    columns: [
      'conversation_key',
      'conversation_id',
      'kind',
      'title',
      'created_at',
      'is_history_visible',
      'who_posts',
      'who_adds',
      'who_mentions_all',
      'member_count',
      'last_standing',
    ],
    keyColumns: 1,
    groupColumn: 'conversation_key',
    select: `SELECT lower(id) AS k, id, kind, title, created_at, is_history_visible, who_posts, who_adds, who_mentions_all,
      member_count, last_standing FROM conversation ORDER BY conversation.id`,
  },
  {
    table: 'member',
    columns: [
      'conversation_key',
      'user_key',
      'user_id',
      'role',
      'standing',
      'visible_from',
      'delivered_seq',
      'read_seq',
      'sent_seq',
      'updated_at',
    ],
    keyColumns: 2,
    groupColumn: 'conversation_key',
    select: `SELECT lower(c.id) AS ck, lower(u.id) AS uk, u.id,
        CASE WHEN m.is_owner THEN 'owner' WHEN m.is_admin THEN 'admin' ELSE 'member' END AS role,
        m.standing, m.visible_from, m.delivered_seq, m.read_seq, m.sent_seq, m.updated_at
      FROM conversation c CROSS JOIN member m CROSS JOIN user u
      WHERE m.conversation_no = c.no AND u.no = m.user_no ORDER BY c.id`,
  },
  {
    table: 'membership_count',
    columns: ['user_key', 'conversations'],
    keyColumns: 1,
    groupColumn: 'user_key',
    select: `SELECT lower(u.id) AS k, (SELECT count(*) FROM member m WHERE m.user_no = u.no) AS conversations FROM user u
      WHERE EXISTS(SELECT 1 FROM member m WHERE m.user_no = u.no) ORDER BY u.id`,
  },
  {
    table: 'receipt',
    columns: ['conversation_key', 'user_key', 'device_id', 'delivered_seq', 'read_seq'],
    keyColumns: 3,
    groupColumn: 'user_key',
    select: `SELECT lower(c.id) AS ck, lower(u.id) AS uk, d.id, r.delivered_seq, r.read_seq
      FROM user u CROSS JOIN device_number d CROSS JOIN receipt r CROSS JOIN conversation c
      WHERE d.user_no = u.no AND r.device_no = d.no AND c.no = r.conversation_no ORDER BY u.id`,
  },
  {
    table: 'private_total',
    columns: ['user_key', 'as_of_seq', 'key_count', 'bytes'],
    keyColumns: 1,
    groupColumn: 'user_key',
    select: `SELECT lower(u.id) AS k, t.as_of_seq, t.key_count, t.bytes FROM user u CROSS JOIN private_total t
      WHERE t.user_no = u.no ORDER BY u.id`,
  },
  {
    table: 'private_row',
    columns: ['user_key', 'row_key', 'seq', 'json'],
    keyColumns: 2,
    groupColumn: 'user_key',
    select: `SELECT lower(u.id) AS k, p.key, p.seq, p.json FROM user u CROSS JOIN private_row p
      WHERE p.user_no = u.no ORDER BY u.id`,
    rowOf: withBytesAt(1),
  },
];
