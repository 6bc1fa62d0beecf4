// What the console asks about webhooks.

import type {
  WebhookAttempt,
  WebhookDeadLetter,
  WebhookEndpoint,
  WebhookEndpoints,
  WebhookTestOutcome,
} from '@hongyan/protocol/operator/webhooks';
import { queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

const base = 'admin/v1/webhooks';
const pathOf = (id: string) => `${base}/${encodeURIComponent(id)}`;

export const endpointsQuery = queryOptions({
  queryKey: ['webhooks'],
  queryFn: ({ signal }) => ask<WebhookEndpoints>(base, { signal }),
  refetchInterval: refetchMs,
});

export const endpointQuery = (id: string) =>
  queryOptions({
    queryKey: ['webhooks', id],
    queryFn: ({ signal }) => ask<WebhookEndpoint>(pathOf(id), { signal }),
    refetchInterval: refetchMs,
  });

export const attemptsQuery = (id: string) =>
  queryOptions({
    queryKey: ['webhooks', id, 'attempts'],
    queryFn: ({ signal }) =>
      ask<{ readonly attempts: readonly WebhookAttempt[] }>(`${pathOf(id)}/attempts`, { signal }),
    refetchInterval: refetchMs,
  });

export const deadLettersQuery = (id: string) =>
  queryOptions({
    queryKey: ['webhooks', id, 'dead'],
    queryFn: ({ signal }) =>
      ask<{ readonly dead_letters: readonly WebhookDeadLetter[] }>(`${pathOf(id)}/dead-letters`, { signal }),
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

export const testEndpoint = (id: string): Promise<WebhookTestOutcome> =>
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
