// Tiers: named sets of rate limits, defined in the configuration.

import type { Rate } from './rate.ts';

export interface Tier extends Rate {
  readonly name: string;
  /** Bytes that a user may store in any 24 hours, half of them at once. */
  readonly storedBytesPerDay: number;
}

/** undefined: the tier has no limits. */
export type Tiers = ReadonlyMap<string, Tier | undefined>;
