// The kinds: pairs of model and firmware. Each kind is stored once with the number of its devices, so that counts need not read the
// devices.

import { assert } from '@hongyan/base/assert';
import QuickLRU from 'quick-lru';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { type Kind, kindName } from '../../../domain/registration.ts';

/** The maximum number of cached kinds. The least recently used are evicted. A kind never changes. */
const rememberedMax = 20_000;
/** The maximum number of kinds per statement. */
const askedMax = 500;
/** The number of rows over which the count of a kind is spread. */
const partsMax = 16;

export class Kinds {
  readonly #pool: MysqlPool;
  readonly #byName = new QuickLRU<string, number>({ maxSize: rememberedMax });
  readonly #byNo = new QuickLRU<number, Kind>({ maxSize: rememberedMax });

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  /** Inserts missing kinds, and returns the numbers of all by name. Caches them unless there are more than the cache holds. */
  async learn(kinds: Iterable<Kind>): Promise<ReadonlyMap<string, number>> {
    const numbers = new Map<string, number>();
    const unknown = new Map<string, Kind>();
    for (const kind of kinds) {
      const name = kindName(kind);
      const no = this.#byName.get(name);
      if (no === undefined) unknown.set(name, kind);
      else numbers.set(name, no);
    }
    const missing = [...unknown.values()];
    for (let from = 0; from < missing.length; from += askedMax)
      for (const row of await this.#give(missing.slice(from, from + askedMax))) numbers.set(kindName(row), row.no);
    return numbers;
  }

  async of(statements: Statements, numbers: readonly number[]): Promise<ReadonlyMap<number, Kind>> {
    const kinds = new Map<number, Kind>();
    const unknown = new Set<number>();
    for (const no of numbers) {
      const kind = this.#byNo.get(no);
      if (kind === undefined) unknown.add(no);
      else kinds.set(no, kind);
    }
    if (unknown.size > 0)
      for (const row of await statements.rows<KindRow>(`${select} WHERE no IN (?)`, [[...unknown]])) {
        this.#remember(row);
        kinds.set(row.no, row);
      }
    return kinds;
  }

  async #give(kinds: readonly Kind[]): Promise<readonly KindRow[]> {
    const hashes = kinds.map(kindHash);
    const known = await this.#pool.read<KindRow>(`${select} WHERE kind_hash IN (?)`, [hashes]);
    for (const row of known) this.#remember(row);
    if (known.length === kinds.length) return known;
    const values = kinds.map((kind) => [kindHash(kind), kind.model, kind.firmware]);
    await this.#pool.write('INSERT INTO kind(kind_hash, model, firmware) VALUES ? ON DUPLICATE KEY UPDATE no = no', [
      values,
    ]);
    const all = await this.#pool.read<KindRow>(`${select} WHERE kind_hash IN (?)`, [hashes]);
    assert(all.length === kinds.length, 'an inserted kind exists', all.length);
    for (const row of all) this.#remember(row);
    return all;
  }

  #remember({ no, model, firmware }: KindRow): void {
    this.#byName.set(kindName({ model, firmware }), no);
    this.#byNo.set(no, { model, firmware });
  }
}

/** The changes of a transaction to the counts. Written at its end, because other transactions may wait for these rows. */
export class KindChanges {
  readonly #changes = new Map<number, number>();

  change(no: number, by: number): void {
    this.#changes.set(no, (this.#changes.get(no) ?? 0) + by);
  }

  async write(statements: Statements): Promise<void> {
    const changed = [...this.#changes].filter(([, by]) => by !== 0).sort(([a], [b]) => a - b);
    for (let from = 0; from < changed.length; from += askedMax) {
      const part = changed.slice(from, from + askedMax);
      await statements.run(
        `INSERT INTO kind_count(kind_no, part, count)
         VALUES ${part.map(() => `(?, CONNECTION_ID() % ${partsMax}, ?)`).join(', ')}
         ON DUPLICATE KEY UPDATE count = count + VALUES(count)`,
        part.flat(),
      );
    }
  }
}

/** A hash of bytes, because collations differ in which texts are equal. */
export const kindHash = (kind: Kind): Buffer =>
  new Bun.CryptoHasher('sha256').update(kindName(kind)).digest().subarray(0, 16);

interface KindRow extends Kind {
  readonly no: number;
}
const select = 'SELECT no, model, firmware FROM kind';
