// When a failed delivery is retried [W5].

export interface RetryRules {
  /** Pause before the second attempt. */
  readonly baseMs: number;
  /** After this many failed attempts the delivery becomes a dead letter. */
  readonly attemptsMax: number;
}

/** Upper limit of a pause. Pauses grow by a factor of four; with the default options the last attempt is after about two days. */
export const pauseMsMax = 12 * 3_600_000;
const growth = 4;
/** Jitter, so that endpoints that failed together are not retried together. */
const jitterShare = 0.3;

/** The pause after `attempts` failed attempts. `random` is in [0, 1). */
export function pauseAfter(attempts: number, { baseMs }: RetryRules, random: number): number {
  const pauseMs = Math.min(pauseMsMax, baseMs * growth ** Math.max(0, Math.min(attempts - 1, 30)));
  return Math.round(pauseMs * (1 - jitterShare + 2 * jitterShare * random));
}

/** The delay requested by a Retry-After header; undefined: the header is absent or invalid. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  // An HTTP date starts with the day. Date.parse alone accepts nearly any text.
  const atMs = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
