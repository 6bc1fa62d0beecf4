// The name of a month of the timeline, and the positions of its commits.

/** A month in UTC, "2026-11". */
export type Month = string;

/** An upper bound of the entries of a month. */
export const rowsPerMonth = 2 ** 40;
const epochYear = 2020;

/**
 * The months since 2020-01 in the high digits and `p` in the low ones. Grows with every commit of the store, and stays below 2^53 until the
 * year 2700.
 */
export function positionOf(month: Month, p: number): number {
  return ((Number(month.slice(0, 4)) - epochYear) * 12 + Number(month.slice(5)) - 1) * rowsPerMonth + p;
}

/** In UTC, so that it does not depend on the time zone of the server. */
export function monthOf(timestampMs: number): Month {
  return new Date(timestampMs).toISOString().slice(0, 7);
}
