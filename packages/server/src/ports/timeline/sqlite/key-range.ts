// The range of the client keys of a month. For UUIDv7 keys, which devices create, it shows without a lookup that a new key is not in the
// month.

import type { Database } from 'bun:sqlite';
import type { PackedId } from './packed-id.ts';

interface Ends {
  readonly min: Uint8Array;
  readonly max: Uint8Array;
}

/** One range for UUIDs and one for other texts. */
export class KeyRange {
  readonly #uuids: Ends | undefined;
  readonly #texts: Ends | undefined;

  /** Reads the range of the sorted rows of the month in `db`. */
  constructor(db: Database) {
    // SQLite sorts every text before every blob.
    this.#uuids = endsOf(db, "client_msg_id >= x''");
    this.#texts = endsOf(db, "client_msg_id < x''");
  }

  mayHold(key: PackedId): boolean {
    // Compares UTF-8 bytes, as SQLite does. JavaScript compares UTF-16 units, which differ beyond U+D7FF.
    const ends = typeof key === 'string' ? this.#texts : this.#uuids;
    if (ends === undefined) return false;
    const bytes = typeof key === 'string' ? Buffer.from(key) : key;
    return Buffer.compare(bytes, ends.max) <= 0 && Buffer.compare(bytes, ends.min) >= 0;
  }
}

function endsOf(db: Database, condition: string): Ends | undefined {
  const end = (order: 'ASC' | 'DESC'): Uint8Array | undefined => {
    const sql = `SELECT client_msg_id AS key FROM by_key WHERE ${condition} ORDER BY client_msg_id ${order} LIMIT 1`;
    const key = db.query<{ key: PackedId }, []>(sql).get()?.key;
    return typeof key === 'string' ? Buffer.from(key) : key;
  };
  const [min, max] = [end('ASC'), end('DESC')];
  return min && max ? { min, max } : undefined;
}
