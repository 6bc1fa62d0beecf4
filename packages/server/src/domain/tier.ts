// Tiers of service: how much a user may ask of the server. They have names, and the configuration says what each allows.

import type { Rate } from './rate.ts';

export interface Tier extends Rate {
  readonly name: string;
  /** What its user may store within any day; half of it at once. */
  readonly storedBytesPerDay: number;
}

/** A tier without limits is undefined. */
export type Tiers = ReadonlyMap<string, Tier | undefined>;
