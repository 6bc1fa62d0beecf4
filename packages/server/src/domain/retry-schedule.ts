// When a delivery that failed is tried again [W5].

export interface RetryRules {
  /** Before the second attempt. */
  readonly baseMs: number;
  /** The last failed one makes it a dead letter. */
  readonly attemptsMax: number;
}

/** Each pause is four times the one before it, up to this: with the default base and attempts the last one is after about two days. */
export const pauseMsMax = 12 * 3_600_000;
const growth = 4;
/** Endpoints that failed together do not come back together. */
const jitterShare = 0.3;

/** The pause after `attempts` failed ones; `random` in [0, 1). */
export function pauseAfter(attempts: number, { baseMs }: RetryRules, random: number): number {
  const pauseMs = Math.min(pauseMsMax, baseMs * growth ** Math.max(0, Math.min(attempts - 1, 30)));
  return Math.round(pauseMs * (1 - jitterShare + 2 * jitterShare * random));
}

/** What a Retry-After header asks for, in ms from now; undefined when it says nothing readable. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  // An HTTP date begins with the day; Date.parse alone takes nearly anything for one.
  const atMs = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
