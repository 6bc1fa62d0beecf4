// The tables of the device store, with the queries by which a move copies them from SQLite. Numbers do not change, because rows refer to
// them.

import type { DeviceToken } from '@hongyan/protocol/ids';
import type { ImportedTable } from '../../../adapters/mysql/table-copy.ts';
import { kindHash } from './kinds.ts';
import { tokenHash } from './token-hash.ts';

export const devicesTables: readonly ImportedTable[] = [
  {
    table: 'kind',
    columns: ['no', 'kind_hash', 'model', 'firmware'],
    keyColumns: 1,
    groupColumn: 'no',
    select: 'SELECT no, NULL AS hash, model, firmware FROM kind ORDER BY no',
    rowOf: (row) => row.with(1, kindHash({ model: String(row[2]), firmware: String(row[3]) })),
  },
  {
    table: 'kind_count',
    columns: ['kind_no', 'part', 'count'],
    keyColumns: 2,
    groupColumn: 'kind_no',
    select: 'SELECT no, 0 AS part, count FROM kind ORDER BY no',
  },
  {
    table: 'device',
    columns: ['no', 'token_hash', 'token', 'kind_no', 'registered_at', 'details', 'user_id', 'id', 'name', 'last_seen'],
    keyColumns: 1,
    groupColumn: 'no',
    select: `SELECT no, NULL AS hash, token, kind_no, registered_at, details, user_id, id, name, last_seen FROM device ORDER BY no`,
    rowOf: (row) => (row[2] === null ? row : row.with(1, tokenHash(String(row[2]) as DeviceToken))),
  },
  {
    table: 'outbox',
    columns: ['no', 'kind', 'payload'],
    keyColumns: 1,
    groupColumn: 'no',
    select: 'SELECT no, kind, payload FROM outbox ORDER BY no',
  },
];
