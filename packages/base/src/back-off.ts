// How long to wait before the next attempt: exponential with full jitter, so that what failed together does not come back together.

export interface BackOffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

/** A delay drawn evenly from 0 to min(maxMs, baseMs · 2^attempt); `attempt` counts from 0. */
export function backOffMs(attempt: number, { baseMs, maxMs, random }: BackOffOptions): number {
  return Math.floor(random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30)));
}
