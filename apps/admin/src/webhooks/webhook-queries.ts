// What the console asks about webhooks.

import { queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

export interface Endpoint {
  readonly id: string;
  readonly url: string;
  /** Empty: all. */
  readonly types: readonly string[];
  readonly enabled: boolean;
  readonly disabled_reason?: string;
  readonly created_at: number;
  readonly position: string;
  readonly behind: number;
  readonly waiting: number;
  readonly dead_letters: number;
  readonly failures: number;
  readonly failing_since?: number;
  /** Absent: none signs beside the present one. */
  readonly old_secret_until?: number;
}

export interface Attempt {
  readonly event_id: string;
  readonly type: string;
  readonly position: string;
  readonly at: number;
  readonly duration_ms: number;
  /** 0 without an answer. */
  readonly status: number;
  readonly error?: string;
}

export interface DeadLetter {
  readonly event_id: string;
  readonly type: string;
  readonly position: string;
  readonly attempts: number;
  readonly error: string;
  readonly at: number;
}

export interface TestOutcome {
  readonly outcome: string;
  readonly status: number;
  readonly error?: string;
  readonly duration_ms: number;
}

const base = 'admin/v1/webhooks';
const pathOf = (id: string) => `${base}/${encodeURIComponent(id)}`;

export const endpointsQuery = queryOptions({
  queryKey: ['webhooks'],
  queryFn: ({ signal }) =>
    ask<{ readonly endpoints: readonly Endpoint[]; readonly types: readonly string[] }>(base, { signal }),
  refetchInterval: refetchMs,
});

export const endpointQuery = (id: string) =>
  queryOptions({
    queryKey: ['webhooks', id],
    queryFn: ({ signal }) => ask<Endpoint>(pathOf(id), { signal }),
    refetchInterval: refetchMs,
  });

export const attemptsQuery = (id: string) =>
  queryOptions({
    queryKey: ['webhooks', id, 'attempts'],
    queryFn: ({ signal }) => ask<{ readonly attempts: readonly Attempt[] }>(`${pathOf(id)}/attempts`, { signal }),
    refetchInterval: refetchMs,
  });

export const deadLettersQuery = (id: string) =>
  queryOptions({
    queryKey: ['webhooks', id, 'dead'],
    queryFn: ({ signal }) =>
      ask<{ readonly dead_letters: readonly DeadLetter[] }>(`${pathOf(id)}/dead-letters`, { signal }),
    refetchInterval: refetchMs,
  });

export const addEndpoint = (url: string): Promise<{ readonly id: string; readonly secret: string }> =>
  ask(base, { method: 'POST', body: { url } });

export const setEnabled = (id: string, enabled: boolean): Promise<void> =>
  ask(pathOf(id), { method: 'PATCH', body: { enabled } });

/** Empty: all. */
export const setTypes = (id: string, types: readonly string[]): Promise<void> =>
  ask(pathOf(id), { method: 'PATCH', body: { types } });

export const rotateSecret = (id: string, overlap_hours: number): Promise<{ readonly secret: string }> =>
  ask(`${pathOf(id)}/rotate`, { method: 'POST', body: { overlap_hours } });

export const removeEndpoint = (id: string): Promise<void> => ask(pathOf(id), { method: 'DELETE' });

/** The endpoint may take as long as the option webhook-timeout-ms allows. */
const testMsMax = 150_000;

export const testEndpoint = (id: string): Promise<TestOutcome> =>
  ask(`${pathOf(id)}/test`, { method: 'POST', timeoutMs: testMsMax });

/** `position`: that one; absent: all dead letters. */
export const replayDead = (id: string, position?: string): Promise<void> =>
  ask(`${pathOf(id)}/replay`, {
    method: 'POST',
    body: { dead: true, ...(position === undefined ? {} : { position }) },
  });

/** Everything after the position is delivered again. */
export const replayAfter = (id: string, after: string): Promise<void> =>
  ask(`${pathOf(id)}/replay`, { method: 'POST', body: { after } });
