// What the console asks about tasks that were accepted to be done later.

import type { DeadTask, TaskCounts } from '@hongyan/protocol/operator/tasks';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

const pageSize = 50;

export const tasksQuery = queryOptions({
  queryKey: ['tasks', 'counts'],
  queryFn: ({ signal }) => ask<{ readonly kinds: readonly TaskCounts[] }>('admin/v1/tasks', { signal }),
  refetchInterval: refetchMs,
});

export const deadTasksQuery = infiniteQueryOptions({
  queryKey: ['tasks', 'dead'],
  queryFn: ({ pageParam, signal }) => {
    const of = new URLSearchParams({ limit: String(pageSize), ...(pageParam === '' ? {} : { before: pageParam }) });
    return ask<{ readonly dead_letters: readonly DeadTask[] }>(`admin/v1/tasks/dead?${of}`, { signal });
  },
  initialPageParam: '',
  getNextPageParam: ({ dead_letters }) => (dead_letters.length < pageSize ? undefined : dead_letters.at(-1)?.task_id),
  refetchInterval: refetchMs,
});

type Choice = { readonly task_ids: readonly string[] } | { readonly kind: string };

export const replayTasks = (body: Choice): Promise<unknown> =>
  ask('admin/v1/tasks/dead/replay', { method: 'POST', body });

export const discardTasks = (body: Choice): Promise<unknown> =>
  ask('admin/v1/tasks/dead/discard', { method: 'POST', body });
