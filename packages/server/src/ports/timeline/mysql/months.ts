// Months in UTC as numbers, by which the tables are partitioned.

/** Months since the year 0. */
export type MonthNo = number;

export function monthOf(timestampMs: number): MonthNo {
  const date = new Date(timestampMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** "2026-01" */
export const monthName = (month: MonthNo): string =>
  `${String(Math.floor(month / 12)).padStart(4, '0')}-${String((month % 12) + 1).padStart(2, '0')}`;
