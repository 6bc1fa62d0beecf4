// A month of the timeline as a name, and the number that orders commits over all months.

/** A month in UTC, "2026-11". */
export type Month = string;

/** More than any month has. */
export const rowsPerMonth = 2 ** 40;
const epochYear = 2020;

/** Months since 2020-01 above `p`: grows with every commit of the whole store, below 2^53 until the year 2700. */
export function positionOf(month: Month, p: number): number {
  return ((Number(month.slice(0, 4)) - epochYear) * 12 + Number(month.slice(5)) - 1) * rowsPerMonth + p;
}

/** In UTC, so that it is the same everywhere. */
export function monthOf(timestampMs: number): Month {
  return new Date(timestampMs).toISOString().slice(0, 7);
}
