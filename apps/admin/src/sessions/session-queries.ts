// What the console asks about live connections, which each process has its own of.

import { infiniteQueryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

export interface Connection {
  readonly connection: number;
  readonly state: string;
  readonly address: string;
  readonly user_id?: string;
  readonly device_id?: string;
  readonly session_id?: string;
  readonly silent_ms: number;
  readonly in_flight: number;
  readonly unread_bytes: number;
  readonly followed: number;
}

interface ConnectionPage {
  readonly connections: readonly Connection[];
  readonly next?: number;
}

/** `userId`: of this user alone; empty: all. */
export const connectionsQuery = ({ process, userId }: { readonly process: string; readonly userId: string }) =>
  infiniteQueryOptions({
    queryKey: ['connections', process, userId],
    queryFn: ({ pageParam, signal }) => {
      const of = new URLSearchParams({
        process,
        after: String(pageParam),
        ...(userId === '' ? {} : { user_id: userId }),
      });
      return ask<ConnectionPage>(`debug/connections?${of}`, { signal });
    },
    initialPageParam: 0,
    getNextPageParam: ({ next }) => next,
    refetchInterval: refetchMs,
  });

export const closeSession = (process: string, sessionId: string): Promise<void> =>
  ask(`debug/sessions/${encodeURIComponent(sessionId)}/close?process=${encodeURIComponent(process)}`, {
    method: 'POST',
  });
