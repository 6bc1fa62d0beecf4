// What the console asks for its first page.

import { queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

export interface Point {
  readonly at: number;
  readonly connections: number;
  readonly online_users: number;
  readonly messages_per_s: number;
  readonly refused_per_s: number;
  readonly ack_p50_ms: number | null;
  readonly ack_p99_ms: number | null;
  readonly entries_per_commit: number | null;
  readonly memory_bytes: number;
  readonly cores: number;
}

export interface Overview {
  readonly status: 'ready' | 'not ready';
  readonly checks: Readonly<
    Record<string, { readonly status: 'ok' | 'degraded' | 'failed'; readonly reason?: string }>
  >;
  readonly version: string;
  readonly started_at: number;
  readonly connections_max: number;
  readonly disk: {
    readonly stores: readonly { readonly store: string; readonly bytes: number }[];
    readonly free_bytes: number;
    readonly bytes: number;
  };
  readonly processes: readonly {
    readonly name: string;
    readonly is_up: boolean;
    /** Clients connect to it. */
    readonly takes_clients: boolean;
    readonly connections: number;
    readonly memory_bytes: number;
    readonly cores: number | null;
    readonly loop_lag_ms: number;
  }[];
  readonly queues: readonly { readonly queue: string; readonly depth: number; readonly max: number }[];
  readonly every_ms: number;
  readonly points: readonly Point[];
}

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: ({ signal }) => ask<Overview>('admin/v1/overview', { signal }),
  refetchInterval: refetchMs,
});
