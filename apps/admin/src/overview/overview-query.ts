// What the console asks for its first page.

import type { OverviewAnswer } from '@hongyan/protocol/operator/overview';
import { queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: ({ signal }) => ask<OverviewAnswer>('admin/v1/overview', { signal }),
  refetchInterval: refetchMs,
});
