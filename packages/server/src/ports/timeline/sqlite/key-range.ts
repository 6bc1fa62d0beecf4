// The range of client keys in a month: for the keys that devices make, UUIDv7, it says without a lookup that a new key is not there.

import type { Database } from 'bun:sqlite';
import type { PackedId } from './packed-id.ts';

interface Ends {
  readonly min: Uint8Array;
  readonly max: Uint8Array;
}

/** UUIDs and texts have a range each. */
export class KeyRange {
  readonly #uuids: Ends | undefined;
  readonly #texts: Ends | undefined;

  /** Of the sorted rows of the month in `db`. */
  constructor(db: Database) {
    // Any text sorts before any blob.
    this.#uuids = endsOf(db, "client_msg_id >= x''");
    this.#texts = endsOf(db, "client_msg_id < x''");
  }

  mayHold(key: PackedId): boolean {
    // SQLite orders text by its UTF-8 bytes, JavaScript by UTF-16 units: beyond U+D7FF the two differ.
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
