// What the console asks about profiles.

import { decodePprof } from '@hongyan/profile/pprof';
import { queryOptions } from '@tanstack/react-query';
import { ask, askBytes } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

export interface ProfileRecord {
  readonly id: string;
  readonly process: string;
  readonly taken_at: number;
  readonly seconds: number;
  readonly reason: { readonly type: 'manual' | 'watchdog' | 'alert'; readonly detail: string };
  readonly top: readonly { readonly name: string; readonly share: number }[];
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

export interface ProfileList {
  readonly profiles: readonly ProfileRecord[];
  readonly processes: readonly string[];
  /** Those that did not say what they keep. */
  readonly silent?: readonly string[];
}

export const kinds = ['cpu', 'heap'] as const;
export type Kind = (typeof kinds)[number];

export const profileFile = (id: string, kind: Kind): string =>
  `admin/v1/profiles/${encodeURIComponent(id)}/${kind}.pb.gz`;

export const profileListQuery = queryOptions({
  queryKey: ['profiles'],
  queryFn: ({ signal }) => ask<ProfileList>('admin/v1/profiles', { signal }),
  refetchInterval: refetchMs,
});

/** A kept profile never changes. */
export const profileQuery = (id: string, kind: Kind) =>
  queryOptions({
    queryKey: ['profiles', id, kind],
    queryFn: async ({ signal }) => decodePprof(await askBytes(profileFile(id, kind), { signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** What it takes beside the seconds that are recorded: to begin, and to write what was seen. */
const writingMsMax = 60_000;

export const takeProfile = (request: { readonly process: string; readonly seconds: number }): Promise<ProfileRecord> =>
  ask('admin/v1/profiles', { method: 'POST', body: request, timeoutMs: request.seconds * 1_000 + writingMsMax });
