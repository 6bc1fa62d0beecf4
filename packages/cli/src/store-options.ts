// The options by which a command finds the stores that it works on: a data folder, or those of a cluster.

import type { OptionName } from '@hongyan/server/config/options';

export const readOptions = ['data', 'profile', 'cluster-name', 'mysql-url'] as const satisfies readonly OptionName[];

/** Redis caches users and tokens, and is invalidated. */
export const writeOptions = [...readOptions, 'redis-urls'] as const satisfies readonly OptionName[];
