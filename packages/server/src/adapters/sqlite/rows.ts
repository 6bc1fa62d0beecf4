// Iterates over the rows of a query as lists of columns, for callers that read whole tables.

import type { Database } from 'bun:sqlite';

type Value = string | number | null | Buffer;

/** All rows are of one snapshot, which lasts from the first row to the last one or until the caller stops. */
export function* rowsOf(db: Database, select: string, ...given: readonly Value[]): Generator<readonly Value[]> {
  const statement = db.prepare<Record<string, string | number | null | Uint8Array>, Value[]>(select);
  try {
    for (const row of statement.iterate(...given)) yield Object.values(row).map(asBuffer);
  } finally {
    statement.finalize();
  }
}

const asBuffer = (value: string | number | null | Uint8Array): Value =>
  value instanceof Uint8Array ? Buffer.from(value) : value;
