// The tables of the access store, with the queries by which a move copies them from SQLite.

import type { UserId } from '@hongyan/protocol/ids';
import type { ImportedTable } from '../../../adapters/mysql/table-copy.ts';
import { tokenKeyOf, userKeyOf } from './token-rows.ts';

/** Replaces the token id in the first column by its key. */
const withTokenKey: ImportedTable['rowOf'] = (row) => row.with(0, tokenKeyOf(String(row[0])));

export const accessTables: readonly ImportedTable[] = [
  {
    table: 'api_key',
    columns: ['id', 'no', 'name', 'scopes', 'secret_hash', 'created_at', 'last_used_at'],
    keyColumns: 1,
    groupColumn: 'id',
    select: 'SELECT id, no, name, scopes, secret_hash, created_at, last_used_at FROM api_key ORDER BY id',
  },
  {
    table: 'numbered',
    columns: ['what', 'next_no', 'held'],
    keyColumns: 1,
    groupColumn: 'what',
    select: `SELECT 'api_key' AS what, (SELECT coalesce(max(no), 0) + 1 FROM api_key) AS next_no, (SELECT count(*) FROM api_key) AS held
      UNION ALL SELECT 'revocation', coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0) + 1,
        (SELECT count(*) FROM revocation)`,
  },
  {
    table: 'revocation',
    columns: ['no', 'kind', 'subject', 'user_id', 'token_id', 'issued_before', 'until_ms'],
    keyColumns: 1,
    groupColumn: 'no',
    select: `SELECT no, CASE WHEN token_id IS NULL THEN 'user' ELSE 'token' END AS kind, coalesce(token_id, user_id) AS subject,
      user_id, token_id, issued_before, until FROM revocation ORDER BY no`,
    rowOf: (row) => row.with(2, row[1] === 'user' ? userKeyOf(String(row[2]) as UserId) : tokenKeyOf(String(row[2]))),
  },
  {
    table: 'token',
    columns: ['token_key', 'user_key', 'devices', 'expires_at'],
    keyColumns: 1,
    groupColumn: 'user_key',
    select: `SELECT token_id, lower(user_id) AS k, count(*) AS devices, max(expires_at) AS expires FROM token_use
      GROUP BY user_id, token_id ORDER BY user_id`,
    rowOf: withTokenKey,
  },
  {
    table: 'token_use',
    columns: ['token_key', 'user_key', 'device_id', 'token_id', 'expires_at'],
    keyColumns: 3,
    groupColumn: 'user_key',
    select: `SELECT token_id AS k, lower(user_id) AS u, device_id, token_id, expires_at FROM token_use ORDER BY user_id`,
    rowOf: withTokenKey,
  },
];
