// Token buckets by the generic cell rate algorithm: the state of a bucket is one number, the time at which it is full again.

/** `perS` units are added per second, up to `burst` units. */
export interface Rate {
  readonly perS: number;
  readonly burst: number;
}

/** The remaining units after a request, and the time until the bucket is full. */
export interface Level {
  readonly remaining: number;
  readonly fullInMs: number;
}

export type Taken = ({ readonly type: 'taken' } | { readonly type: 'refused'; readonly retryAfterMs: number }) & Level;

/** The state of a bucket that was never used. */
export const fullSinceEver = Number.NEGATIVE_INFINITY;

/** Smaller than the resolution of any clock. A floating-point error must not refuse a caller that waited `retryAfterMs`. */
const toleranceMs = 1e-6;

/**
 * Takes `cost` units or nothing. A cost above `burst` takes a full bucket. Guarantees: at most burst + perS × time is taken in any period;
 * a caller that waits `retryAfterMs`, with no other draws meanwhile, is not refused again.
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
