// What the console asks about tiers.

import { queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

/** What a tier allows; null where it limits nothing. */
export type Tier = {
  readonly perS: number;
  readonly burst: number;
  readonly storedBytesPerDay: number;
} | null;

export const tiersQuery = queryOptions({
  queryKey: ['tiers'],
  queryFn: ({ signal }) => ask<{ readonly tiers: Readonly<Record<string, Tier>> }>('admin/v1/tiers', { signal }),
  refetchInterval: refetchMs,
});
