// The tables of the event log, with the queries by which a move copies them from SQLite. Positions and the epoch do not change, so that
// readers continue at their positions. Claims are not copied.

import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { CopiedRow, ImportedTable } from '../../../adapters/mysql/table-copy.ts';
import type { Position } from '../event-log.ts';
import { sizeOf } from './locked-log.ts';

const withSize = (row: CopiedRow): CopiedRow => {
  const [id, lane, dataJson] = [row[1], row[4], row[6]].map(String);
  return [...row, sizeOf({ id: id ?? '', lane: lane ?? '', dataJson: dataJson ?? '' })];
};

/** Without the feed position, which has another format in a cluster: see `putFeedPosition`. */
export const eventsTables: readonly ImportedTable[] = [
  {
    table: 'event',
    columns: ['position', 'id', 'type', 'at_ms', 'lane', 'seq', 'data', 'size'],
    keyColumns: 1,
    groupColumn: 'position',
    isLog: true,
    select: 'SELECT position, id, type, at_ms, lane, seq, data FROM event WHERE position > ? ORDER BY position',
    rowOf: withSize,
  },
  {
    table: 'log',
    columns: ['no', 'epoch', 'last_position', 'removed_through', 'bytes'],
    keyColumns: 1,
    groupColumn: 'no',
    select: `SELECT 1 AS no, value AS epoch,
        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0) AS last_position,
        coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'removed_through'), 0) AS removed_through,
        coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'event_bytes'), 0) AS bytes
      FROM meta WHERE name = 'epoch'`,
  },
  {
    table: 'member_position',
    columns: [
      'conversation_id',
      'user_id',
      'delivered_seq',
      'read_seq',
      'delivered_told',
      'read_told',
      'is_untold',
      'updated_at',
    ],
    keyColumns: 2,
    groupColumn: 'conversation_id',
    select: `SELECT conversation_id, user_id, delivered_seq, read_seq, delivered_told, read_told,
        delivered_told < delivered_seq OR read_told < read_seq AS is_untold, updated_at
      FROM member_position ORDER BY conversation_id, user_id`,
  },
  {
    table: 'online',
    columns: ['user_id'],
    keyColumns: 1,
    groupColumn: 'user_id',
    select: 'SELECT user_id FROM online ORDER BY user_id',
  },
  {
    table: 'endpoint',
    columns: [
      'id',
      'url',
      'types',
      'secret',
      'old_secret',
      'old_secret_until',
      'is_enabled',
      'disabled_reason',
      'created_at',
      'progress',
      'failures',
      'failing_since',
      'paused_until',
      'attempts_made',
    ],
    keyColumns: 1,
    groupColumn: 'id',
    select: `SELECT id, url, types, secret, old_secret, old_secret_until, is_enabled, disabled_reason, created_at, cursor, failures,
        failing_since, paused_until, (SELECT count(*) FROM attempt a WHERE a.endpoint_no = e.no) AS attempts_made
      FROM endpoint e ORDER BY id`,
  },
  {
    table: 'parked',
    columns: ['endpoint_id', 'position', 'lane', 'attempts', 'next_ms'],
    keyColumns: 2,
    groupColumn: 'endpoint_id',
    select: `SELECT e.id, p.position, p.lane, p.attempts, p.next_ms FROM endpoint e CROSS JOIN parked p
      WHERE p.endpoint_no = e.no ORDER BY e.id`,
  },
  {
    // In SQLite attempts are numbered over all endpoints, here per endpoint.
    table: 'attempt',
    columns: ['endpoint_id', 'no', 'position', 'event_id', 'type', 'at_ms', 'duration_ms', 'status', 'error'],
    keyColumns: 2,
    groupColumn: 'endpoint_id',
    select: `SELECT e.id, row_number() OVER (PARTITION BY a.endpoint_no ORDER BY a.no) AS n, a.position, a.event_id, a.type, a.at_ms,
        a.duration_ms, a.status, a.error
      FROM endpoint e CROSS JOIN attempt a WHERE a.endpoint_no = e.no ORDER BY e.id`,
  },
  {
    table: 'dead',
    columns: ['endpoint_id', 'position', 'event_id', 'type', 'lane', 'attempts', 'error', 'at_ms'],
    keyColumns: 2,
    groupColumn: 'endpoint_id',
    select: `SELECT e.id, d.position, d.event_id, d.type, d.lane, d.attempts, d.error, d.at_ms FROM endpoint e CROSS JOIN dead d
      WHERE d.endpoint_no = e.no ORDER BY e.id`,
  },
];

/** Stores the feed position in the format of the cluster; undefined: events are not recorded. */
export async function putFeedPosition(pool: MysqlPool, position: Position | undefined): Promise<void> {
  await pool.write('update log set feed_position = ? where no = 1', [position ?? null]);
}
