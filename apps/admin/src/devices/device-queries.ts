// What the console asks about registered devices.

import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

export interface ModelCount {
  readonly model: string;
  readonly firmware: string;
  readonly count: number;
}

export interface Device {
  readonly device_token: string;
  readonly model: string;
  readonly firmware: string;
  readonly registered_at: number;
  readonly user_id?: string;
  readonly last_seen?: number;
}

/** As many as the server gives at once. */
export const kindsMax = 500;

export const countsQuery = queryOptions({
  queryKey: ['devices', 'counts'],
  queryFn: ({ signal }) =>
    ask<{ readonly total: number; readonly counts: readonly ModelCount[] }>(
      `admin/v1/devices/counts?limit=${kindsMax}`,
      { signal },
    ),
  refetchInterval: refetchMs,
});

export const devicesQuery = ({ model, firmware }: { readonly model: string; readonly firmware: string }) =>
  infiniteQueryOptions({
    queryKey: ['devices', 'list', model, firmware],
    queryFn: ({ pageParam, signal }) => {
      const of = new URLSearchParams({ model, firmware, ...(pageParam === 0 ? {} : { after: String(pageParam) }) });
      return ask<{ readonly devices: readonly Device[]; readonly next?: number }>(`admin/v1/devices?${of}`, { signal });
    },
    initialPageParam: 0,
    getNextPageParam: ({ next }) => next,
  });

export const deviceQuery = (token: string) =>
  queryOptions({
    queryKey: ['devices', 'one', token],
    queryFn: ({ signal }) => ask<Device>(`admin/v1/devices/by-token/${encodeURIComponent(token)}`, { signal }),
    refetchInterval: refetchMs,
  });
