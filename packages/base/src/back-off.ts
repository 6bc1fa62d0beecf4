// The delay before the next attempt: exponential back-off with full jitter, so that clients that failed together do not retry together.

export interface BackOffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

/** A uniformly random delay from 0 to min(maxMs, baseMs · 2^attempt); `attempt` counts from 0. */
export function backOffMs(attempt: number, { baseMs, maxMs, random }: BackOffOptions): number {
  return Math.floor(random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30)));
}
