// Stores many registrations at a time: the newest of each token, in the order of the token hashes, one range of hashes per transaction.

import { assert } from '@hongyan/base/assert';
import { soon } from '@hongyan/base/soon';
import type { DeviceToken } from '@hongyan/protocol/ids';
import { isDuplicateKey, MysqlConflict } from '../../../adapters/mysql/failure.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { SqlValue, Statements } from '../../../adapters/mysql/session.ts';
import { isNewer, kindName, type Registration } from '../../../domain/registration.ts';
import { decodeBatch, type RegistrationBatch } from '../registration-batch.ts';
import { KindChanges, Kinds } from './kinds.ts';
import { hashOrder, tokenHash } from './token-hash.ts';

/** The number of registrations per transaction, for which a touch of one of these devices may have to wait. */
const sliceSize = 1_000;
/** The number of ranges that are stored concurrently, each on a separate connection. */
const atOnceMax = 4;
/** The maximum number of hashes per query. For longer lists servers build temporary tables. */
const askedMax = 500;

interface Hashed {
  readonly hash: Buffer;
  readonly order: number;
  registration: Registration;
}

export class RegistrationWrites {
  readonly #pool: MysqlPool;
  readonly #kinds: Kinds;
  readonly #onChanged: (tokens: readonly DeviceToken[]) => Promise<void>;

  /** `onChanged` receives the tokens of changed records after the commit. */
  constructor(pool: MysqlPool, onChanged: (tokens: readonly DeviceToken[]) => Promise<void>) {
    this.#pool = pool;
    this.#onChanged = onChanged;
    this.#kinds = new Kinds(pool);
  }

  /** Returns the number of created or changed records. */
  async register(batches: readonly RegistrationBatch[]): Promise<number> {
    const slices = slicesOf(await gather(batches));
    let storedCount = 0;
    const store = async () => {
      for (let slice = slices.shift(); slice !== undefined; slice = slices.shift())
        storedCount += await this.#store(slice);
    };
    const outcomes = await Promise.allSettled(Array.from({ length: atOnceMax }, store));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    return storedCount;
  }

  async #store(slice: readonly Hashed[]): Promise<number> {
    const numbers = await this.#kinds.learn(slice.map(({ registration }) => registration));
    const { count, changed } = await this.#pool.transaction(async (statements) => {
      const { fresh, newer } = await this.#compare(statements, slice);
      const changes = new KindChanges();
      const rowOf = (no: number | null, { hash, registration }: Hashed): SqlValue[] => {
        const kindNo = numbers.get(kindName(registration));
        assert(kindNo !== undefined, 'a known kind has a number', kindName(registration));
        changes.change(kindNo, 1);
        return [no, hash, registration.deviceToken, kindNo, registration.registeredAtMs, registration.detailsJson];
      };
      if (fresh.length > 0) {
        await insertFresh(
          statements,
          fresh.map((one) => rowOf(null, one)),
        );
      }
      if (newer.length > 0) {
        for (const { stored } of newer) changes.change(stored.kind_no, -1);
        await statements.run(`${insert} ON DUPLICATE KEY UPDATE ${update}`, [
          newer.map(({ stored, hashed }) => rowOf(stored.no, hashed)),
        ]);
      }
      await changes.write(statements);
      return {
        count: fresh.length + newer.length,
        changed: newer.map(({ hashed }) => hashed.registration.deviceToken),
      };
    });
    if (changed.length > 0) await this.#onChanged(changed);
    return count;
  }

  /**
   * Returns the registrations without a record, and those that are newer than theirs. Locks the records until the end of the transaction.
   */
  async #compare(statements: Statements, slice: readonly Hashed[]) {
    const rows = new Map<DeviceToken, StoredRow>();
    for (let from = 0; from < slice.length; from += askedMax) {
      const hashes = slice.slice(from, from + askedMax).map(({ hash }) => hash);
      for (const row of await statements.rows<StoredRow>(select, [hashes])) rows.set(row.token, row);
    }
    const kinds = await this.#kinds.of(
      statements,
      Array.from(rows.values(), ({ kind_no }) => kind_no),
    );
    const fresh: Hashed[] = [];
    const newer: { readonly stored: StoredRow; readonly hashed: Hashed }[] = [];
    for (const hashed of slice) {
      const { registration } = hashed;
      const stored = rows.get(registration.deviceToken);
      if (stored === undefined) fresh.push(hashed);
      else {
        const { model = '', firmware = '' } = kinds.get(stored.kind_no) ?? {};
        const { deviceToken } = registration;
        const known = {
          deviceToken,
          model,
          firmware,
          registeredAtMs: stored.registered_at,
          detailsJson: stored.details,
        };
        if (isNewer(registration, known)) newer.push({ stored, hashed });
      }
    }
    return { fresh, newer };
  }
}

async function insertFresh(statements: Statements, rows: SqlValue[][]): Promise<void> {
  try {
    await statements.run(insert, [rows]);
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    // Another worker stored them since the comparison. The transaction restarts and compares again.
    throw new MysqlConflict('devices were registered by another process meanwhile', 'devices', { cause: error });
  }
}

/** The newest registration of each token. Yields to other callbacks in between. */
async function gather(batches: readonly RegistrationBatch[]): Promise<Hashed[]> {
  const newest = new Map<DeviceToken, Hashed>();
  for (const batch of batches) {
    for (const registration of decodeBatch(batch)) {
      const { deviceToken } = registration;
      const known = newest.get(deviceToken);
      if (known === undefined) {
        const hash = tokenHash(deviceToken);
        newest.set(deviceToken, { hash, order: hashOrder(hash), registration });
      } else if (isNewer(registration, known.registration)) known.registration = registration;
    }
    await new Promise<void>(soon);
  }
  return [...newest.values()].sort((a, b) => a.order - b.order);
}

function slicesOf(sorted: readonly Hashed[]): Hashed[][] {
  const slices: Hashed[][] = [];
  for (let from = 0; from < sorted.length; from += sliceSize) slices.push(sorted.slice(from, from + sliceSize));
  return slices;
}

interface StoredRow {
  readonly no: number;
  readonly token: DeviceToken;
  readonly kind_no: number;
  readonly registered_at: number;
  readonly details: string;
}

const select = 'SELECT no, token, kind_no, registered_at, details FROM device WHERE token_hash IN (?) FOR UPDATE';
const insert = 'INSERT INTO device(no, token_hash, token, kind_no, registered_at, details) VALUES ?';
const update = 'kind_no = VALUES(kind_no), registered_at = VALUES(registered_at), details = VALUES(details)';
