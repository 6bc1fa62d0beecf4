// Stores many registrations at a time: parses them, keeps the newest of each token, and stores them in the order of the token hashes, one
// range of hashes per transaction.

import type { Database } from 'bun:sqlite';
import { isNewer, type Registration } from '../../../domain/registration.ts';
import { decodeBatch } from '../registration-batch.ts';
import { Kinds } from './kinds.ts';
import type { ValueOf } from './ops.ts';
import { hashesMax, TokenHashes } from './token-hash.ts';

/** The approximate number of registrations per transaction, which takes some milliseconds. A touch waits no longer. */
const sliceSize = 2_000;

/** The number of rows per statement. */
const rowsPerInsert = 50;

interface Hashed {
  readonly hash: number;
  registration: Registration;
}

export class RegistrationWrites {
  readonly #hashes: TokenHashes;
  readonly #kinds: Kinds;
  readonly #statements: ReturnType<typeof prepare>;
  /** The newest registration of each token. */
  #newest = new Map<string, Hashed>();
  /** The registrations by ranges of the hash. */
  #slices: Hashed[][] = [];

  constructor(db: Database) {
    this.#hashes = new TokenHashes(db);
    this.#kinds = new Kinds(db);
    this.#statements = prepare(db);
  }

  gather({ batches, isFirst, isLast }: ValueOf<'gather'>): { sliceCount: number } {
    if (isFirst) this.#newest = new Map();
    for (const batch of batches) for (const registration of decodeBatch(batch)) this.#gatherOne(registration);
    this.#slices = isLast ? this.#sliced() : [];
    return { sliceCount: this.#slices.length };
  }

  store({ slice, isLast }: ValueOf<'store'>): number {
    const part = (this.#slices[slice] ?? []).sort((a, b) => a.hash - b.hash);
    const stored = this.#storedBy(part);
    let count = 0;
    const fresh: Hashed[] = [];
    for (const { hash, registration } of part) {
      const outcome = this.#put(hash, registration, stored.get(hash));
      if (typeof outcome === 'boolean') count += outcome ? 1 : 0;
      else fresh.push({ hash: outcome.free, registration });
    }
    this.#insert(fresh);
    count += fresh.length;
    this.#kinds.flush();
    if (isLast) this.#slices = [];
    return count;
  }

  #gatherOne(registration: Registration): void {
    const { deviceToken } = registration;
    const known = this.#newest.get(deviceToken);
    if (known === undefined) this.#newest.set(deviceToken, { hash: this.#hashes.of(deviceToken), registration });
    else if (isNewer(registration, known.registration)) known.registration = registration;
  }

  #sliced(): Hashed[][] {
    const sliceCount = Math.ceil(this.#newest.size / sliceSize);
    const slices = Array.from({ length: sliceCount }, (): Hashed[] => []);
    for (const each of this.#newest.values()) slices[Math.floor((each.hash / hashesMax) * sliceCount)]?.push(each);
    this.#newest = new Map();
    return slices;
  }

  /**
   * Reverts the in-memory state of a batch that was rolled back. Gathered registrations stay: the slice is requested again, or gathered
   * again.
   */
  forget(): void {
    this.#kinds.forget();
  }

  /** The records at these hashes, in one statement, because nearly all of them exist or nearly all are missing. */
  #storedBy(part: readonly Hashed[]): ReadonlyMap<number, StoredRow> {
    const rows = this.#statements.byHashes.all(JSON.stringify(part.map(({ hash }) => hash)));
    return new Map(rows.map((row) => [row.hash, row]));
  }

  /** Returns whether the record changed, or the free place for a token without a record. */
  #put(hash: number, registration: Registration, stored: StoredRow | undefined): boolean | { readonly free: number } {
    let at = hash;
    // Usually the place is free or has the token. When it has another token, the next places are probed.
    for (let row: StoredRow | null = stored ?? null; row !== null; row = this.#statements.byHash.get(++at))
      if (row.token === registration.deviceToken) return this.#update(row, registration);
    return { free: at };
  }

  /** Many rows in one statement cost less than half as much as one by one. */
  #insert(fresh: readonly Hashed[]): void {
    const whole = fresh.length - (fresh.length % rowsPerInsert);
    for (let from = 0; from < whole; from += rowsPerInsert)
      this.#insertRows(fresh.slice(from, from + rowsPerInsert), this.#statements.many);
    for (const one of fresh.slice(whole)) this.#insertRows([one], this.#statements.one);
  }

  #insertRows(rows: readonly Hashed[], { insert, insertHashes }: Inserts): void {
    const values: (string | number)[] = [];
    for (const { registration } of rows) {
      const { deviceToken, registeredAtMs, detailsJson } = registration;
      values.push(deviceToken, this.#kinds.count(registration), registeredAtMs, detailsJson);
    }
    // Only one writer appends, so that the numbers of a statement's rows are consecutive.
    const firstNo = Number(insert.run(...values).lastInsertRowid) - rows.length + 1;
    const places: number[] = [];
    for (const [index, { hash }] of rows.entries()) places.push(hash, firstNo + index);
    if (insertHashes.run(...places).changes === rows.length) return;
    // Another token of this slice may have taken the place.
    for (const [index, { hash }] of rows.entries()) this.#placeAfter(hash, firstNo + index);
  }

  #placeAfter(hash: number, no: number): void {
    for (let at = hash; this.#statements.deviceAt.get(at)?.device_no !== no; at++)
      if (this.#statements.one.insertHashes.run(at, no).changes > 0) return;
  }

  #update(row: StoredRow, registration: Registration): boolean {
    const { model, firmware } = this.#kinds.of(row.kind_no);
    const { deviceToken } = registration;
    const known = { deviceToken, model, firmware, registeredAtMs: row.registered_at, detailsJson: row.details };
    if (!isNewer(registration, known)) return false;
    this.#kinds.uncount(row.kind_no);
    const kindNo = this.#kinds.count(registration);
    this.#statements.update.run(kindNo, registration.registeredAtMs, registration.detailsJson, row.no);
    return true;
  }
}

interface StoredRow {
  readonly hash: number;
  readonly no: number;
  readonly token: string;
  readonly kind_no: number;
  readonly registered_at: number;
  readonly details: string;
}

const columns = 'h.hash, d.no, d.token, d.kind_no, d.registered_at, d.details';

function prepare(db: Database) {
  const at = `SELECT ${columns} FROM token_hash h CROSS JOIN device d ON d.no = h.device_no WHERE h.hash`;
  return {
    byHashes: db.prepare<StoredRow, [string]>(
      `SELECT ${columns} FROM json_each(?) AS asked CROSS JOIN token_hash h ON h.hash = asked.value
       CROSS JOIN device d ON d.no = h.device_no`,
    ),
    byHash: db.prepare<StoredRow, [number]>(`${at} = ?`),
    one: insertsOf(db, 1),
    many: insertsOf(db, rowsPerInsert),
    deviceAt: db.prepare<{ device_no: number }, [number]>('SELECT device_no FROM token_hash WHERE hash = ?'),
    update: db.prepare<unknown, [number, number, string, number]>(
      'UPDATE device SET kind_no = ?, registered_at = ?, details = ? WHERE no = ?',
    ),
  };
}

type Inserts = ReturnType<typeof insertsOf>;

function insertsOf(db: Database, rows: number) {
  const times = (row: string): string => Array.from({ length: rows }, () => row).join(', ');
  return {
    insert: db.prepare<unknown, (string | number)[]>(
      `INSERT INTO device(token, kind_no, registered_at, details) VALUES ${times('(?, ?, ?, ?)')}`,
    ),
    insertHashes: db.prepare<unknown, number[]>(
      `INSERT OR IGNORE INTO token_hash(hash, device_no) VALUES ${times('(?, ?)')}`,
    ),
  };
}
