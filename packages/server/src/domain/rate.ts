// The token bucket, as the generic cell rate algorithm: a bucket is one number, the time at which it will be full again.

/** Units come at `perS`, and at most `burst` of them wait for use. */
export interface Rate {
  readonly perS: number;
  readonly burst: number;
}

/** What is left after a request, and when the bucket is full again. */
export interface Level {
  readonly remaining: number;
  readonly fullInMs: number;
}

export type Taken = ({ readonly type: 'taken' } | { readonly type: 'refused'; readonly retryAfterMs: number }) & Level;

/** A bucket that was never used is full since ever. */
export const fullSinceEver = Number.NEGATIVE_INFINITY;

/** Below the grain of any clock: what floating point leaves of equal times must not refuse a caller who waited as told. */
const toleranceMs = 1e-6;

/**
 * Takes `cost` units, or nothing. What costs more than a bucket holds takes a whole one. Over any schedule, no more than
 * burst + perS × time is taken; and who waits `retryAfterMs` while no one else takes is not refused again.
 */
export function takeFrom(
  fullAtMs: number,
  { rate, cost, nowMs }: { readonly rate: Rate; readonly cost: number; readonly nowMs: number },
): { readonly fullAtMs: number; readonly taken: Taken } {
  const unitMs = 1000 / rate.perS;
  const capacityMs = rate.burst * unitMs;
  const before = Math.max(fullAtMs, nowMs);
  const after = before + Math.min(cost, rate.burst) * unitMs;
  const overMs = after - nowMs - capacityMs;
  const levelAt = (atMs: number): Level => ({
    remaining: Math.max(0, Math.floor((capacityMs - (atMs - nowMs) + toleranceMs) / unitMs)),
    fullInMs: atMs - nowMs,
  });
  if (overMs > toleranceMs)
    return { fullAtMs: before, taken: { type: 'refused', retryAfterMs: overMs, ...levelAt(before) } };
  return { fullAtMs: after, taken: { type: 'taken', ...levelAt(after) } };
}
