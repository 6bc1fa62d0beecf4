// An endpoint as a row, the same in SQLite and MySQL except the column of the cursor, whose name is a reserved word in MySQL.

import type { EventType } from '@hongyan/protocol/events';
import type { Endpoint } from './webhooks.ts';

export interface EndpointRow {
  readonly id: string;
  readonly url: string;
  readonly types: string;
  readonly secret: string;
  readonly old_secret: string | null;
  readonly old_secret_until: number | null;
  readonly is_enabled: number;
  readonly disabled_reason: string;
  readonly created_at: number;
  readonly failures: number;
  readonly failing_since: number;
  readonly paused_until: number;
}

export function endpointOf(row: EndpointRow, cursor: number): Endpoint {
  const { old_secret: oldSecret, old_secret_until: untilMs } = row;
  return {
    id: row.id,
    url: row.url,
    types: row.types === '' ? [] : (row.types.split(' ') as EventType[]),
    secret: row.secret,
    oldSecret: oldSecret === null || untilMs === null ? undefined : { secret: oldSecret, untilMs },
    isEnabled: row.is_enabled === 1,
    disabledReason: row.disabled_reason,
    createdAtMs: row.created_at,
    progress: {
      ...{ cursor, failures: row.failures, failingSinceMs: row.failing_since },
      pausedUntilMs: row.paused_until,
    },
  };
}
