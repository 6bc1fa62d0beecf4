// Keeps a table equal to a source whose rows keep changing: it writes the rows that differ and deletes the rows that the source no longer
// has. It compares with the table itself, so that an interrupted copy can continue anywhere, and equal rows are verified rows.
//
// The source yields rows in groups, ordered by the group column. They are compared in slices of groups. A digest of each slice is kept: a
// slice with the same digest as in an earlier pass is not compared again. Of a log, only the rows after the last pass are read.

import { isDuplicateKey } from './failure.ts';
import { insertRows } from './insert.ts';
import type { MysqlPool } from './pool.ts';
import type { SqlValue, Statements } from './session.ts';

export type CopiedValue = string | number | null | Buffer;
export type CopiedRow = readonly CopiedValue[];

export interface CopiedTable {
  readonly table: string;
  /** The columns of each row, in this order. */
  readonly columns: readonly string[];
  /** The number of leading columns that form the primary key. */
  readonly keyColumns: number;
  /** The column that groups the rows. It is the first column of an index. */
  readonly groupColumn: string;
}

/** A table whose rows are copied from SQLite. */
export interface ImportedTable extends CopiedTable {
  /** The query on SQLite: one row per row of the table, in the order of the groups. Its columns have unique names. */
  readonly select: string;
  /** Converts what SQL cannot: hashes, bytes. Default: the row is unchanged. */
  readonly rowOf?: (row: CopiedRow) => CopiedRow;
  /**
   * The table is a log: rows are appended at the end, removed from the start, and never changed. Groups are numbers ≥ 1. `select` has one
   * parameter, the group after which it begins.
   */
  readonly isLog?: boolean;
}

export interface CopyCounts {
  rows: number;
  /** The number of rows that were compared with the table, because the digest of their slice was new. */
  compared: number;
  written: number;
  deleted: number;
}

export interface PassOptions {
  /** Counts the differences and changes nothing. */
  readonly isReadOnly?: boolean;
  /** Compares all slices, also those with a known digest. */
  readonly isWhole?: boolean;
  /** Reads compared slices again after they were written. Rejects, with the row in the message, when a row differs. */
  readonly isReadBack?: boolean;
  onSlice?(counts: CopyCounts): void;
}

interface Slice {
  readonly after: CopiedValue | undefined;
  readonly through: CopiedValue | undefined;
  readonly rows: readonly CopiedRow[];
}

/** The number of rows of a slice: few enough for one transaction, enough to need few statements. */
const sliceRows = 500;

export class TableCopy {
  readonly table: CopiedTable;
  readonly #pool: MysqlPool;
  readonly #group: number;
  /** The ends of all slices except the last one. The first pass fixes them. */
  #bounds: CopiedValue[] | undefined;
  #digests: (bigint | undefined)[] = [];
  /** The group of the last row of a completed pass. */
  #last: CopiedValue | undefined;
  /** For a log: the group after which the pass begins, the group at which the last pass ended, and the number of rows. */
  #begin: CopiedValue | undefined;
  #end: CopiedValue | undefined;
  #logRows = 0;

  constructor(pool: MysqlPool, table: CopiedTable) {
    this.#pool = pool;
    this.table = table;
    this.#group = table.columns.indexOf(table.groupColumn);
  }

  /** `rows` MUST be in the order of their groups. */
  async pass(
    rows: Iterable<CopiedRow>,
    { isReadOnly = false, isWhole = false, isReadBack = false, onSlice = () => {} }: PassOptions = {},
  ): Promise<CopyCounts> {
    const counts: CopyCounts = { rows: 0, compared: 0, written: 0, deleted: 0 };
    const postponed: Slice[] = [];
    const bounds: CopiedValue[] = [];
    let index = 0;
    for (const slice of this.#slices(rows, bounds)) {
      counts.rows += slice.rows.length;
      const digest = digestOf(slice.rows);
      if (isReadOnly || isWhole || this.#digests[index] !== digest) {
        counts.compared += slice.rows.length;
        if (!(await this.#reconcile(slice, { isReadOnly, counts }))) postponed.push(slice);
        else if (isReadBack) await this.#readBack(slice);
        if (!isReadOnly) this.#digests[index] = digest;
      }
      index++;
      onSlice(counts);
    }
    this.#bounds ??= bounds;
    if (postponed.length > 0) await this.#replace(postponed, counts);
    if (isReadBack) for (const slice of postponed) await this.#readBack(slice);
    return counts;
  }

  /** For a log. `rowsAfter` yields the rows after a group, or all rows. With `isWhole` the rows of earlier passes are read again. */
  async passLog(
    rowsAfter: (group: CopiedValue | undefined) => Iterable<CopiedRow>,
    { isWhole = false, ...options }: Omit<PassOptions, 'isReadOnly'> = {},
  ): Promise<CopyCounts> {
    const begin = isWhole ? undefined : this.#end;
    this.#begin = begin;
    const [first] = rowsAfter(undefined);
    const deleted = await this.#deleteBefore(first?.[this.#group]);
    // The slices of this pass begin where the last one ended, so that no earlier bound or digest applies.
    [this.#bounds, this.#digests] = [undefined, []];
    const counts = await this.pass(rowsAfter(begin), options);
    this.#end = this.#last ?? begin;
    this.#logRows = counts.rows + (begin === undefined ? 0 : this.#logRows - deleted);
    return { ...counts, rows: this.#logRows, deleted: counts.deleted + deleted };
  }

  /** Deletes the rows of a log before `group`, which the source has removed; all rows when `group` is undefined. */
  async #deleteBefore(group: CopiedValue | undefined): Promise<number> {
    const { table, groupColumn } = this.table;
    const where = group === undefined ? '' : ` where ${groupColumn} < ?`;
    let deleted = 0;
    for (let count = sliceRows; count === sliceRows; deleted += count)
      count = await this.#pool.write(
        `delete from ${table}${where} limit ${sliceRows}`,
        group === undefined ? [] : [group],
      );
    return deleted;
  }

  *#slices(rows: Iterable<CopiedRow>, bounds: CopiedValue[]): Generator<Slice> {
    let held: CopiedRow[] = [];
    let after = this.#begin;
    let last: CopiedValue | undefined;
    let next = 0;
    const known = this.#bounds;
    for (const row of rows) {
      const group = row[this.#group] ?? null;
      if (known !== undefined) {
        for (let bound = known[next]; bound !== undefined && isBehind(group, bound); bound = known[++next]) {
          yield { after, through: bound, rows: held };
          [held, after] = [[], bound];
        }
      } else if (held.length >= sliceRows && group !== last) {
        const bound = last ?? null;
        bounds.push(bound);
        yield { after, through: bound, rows: held };
        [held, after] = [[], bound];
      }
      held.push(row);
      last = group;
    }
    for (let bound = known?.[next]; known !== undefined && bound !== undefined; bound = known[++next]) {
      yield { after, through: bound, rows: held };
      [held, after] = [[], bound];
    }
    yield { after, through: undefined, rows: held };
    this.#last = last;
  }

  /** false when a unique value is still held by a row of a later slice. */
  async #reconcile(
    slice: Slice,
    { isReadOnly, counts }: { readonly isReadOnly: boolean; readonly counts: CopyCounts },
  ): Promise<boolean> {
    const present = new Map((await this.#present(slice)).map((row) => [this.#keyOf(row), row]));
    const changed = slice.rows.filter((row) => {
      const key = this.#keyOf(row);
      const before = present.get(key);
      const isSame = before !== undefined && isSameRow(before, row);
      if (isSame) present.delete(key);
      return !isSame;
    });
    counts.written += changed.length;
    const deleted = [...present.values()];
    counts.deleted += deleted.length;
    if (isReadOnly || (changed.length === 0 && deleted.length === 0)) return true;
    try {
      await this.#pool.transaction(async (db) => {
        await this.#delete(db, deleted);
        await this.#insert(db, changed);
      });
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw this.#named(error, changed);
    }
  }

  /** Empties all of these slices before it writes them. As all other slices are equal already, no unique value conflicts then. */
  async #replace(slices: readonly Slice[], counts: CopyCounts): Promise<void> {
    for (const slice of slices) {
      const present = await this.#present(slice);
      counts.deleted += present.length;
      await this.#pool.transaction((db) => this.#delete(db, present));
    }
    for (const { rows } of slices) {
      try {
        await this.#pool.transaction((db) => this.#insert(db, rows));
      } catch (error) {
        throw this.#named(error, rows);
      }
    }
  }

  async #readBack(slice: Slice): Promise<void> {
    const present = new Map((await this.#present(slice)).map((row) => [this.#keyOf(row), row]));
    const wrong = slice.rows.find((row) => {
      const stored = present.get(this.#keyOf(row));
      return stored === undefined || !isSameRow(stored, row);
    });
    if (wrong !== undefined) throw this.#named(new Error('the row read back differs from the row written'), [wrong]);
    if (present.size !== slice.rows.length)
      throw this.#named(new Error(`${present.size} rows read back, ${slice.rows.length} written`), slice.rows);
  }

  #present({ after, through }: Slice): Promise<readonly CopiedRow[]> {
    const { table, columns, groupColumn } = this.table;
    const conditions: string[] = [];
    const values: SqlValue[] = [];
    for (const [sign, bound] of [
      ['>', after],
      ['<=', through],
    ] as const) {
      if (bound === undefined) continue;
      conditions.push(`${groupColumn} ${sign} ?`);
      values.push(bound);
    }
    const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
    return this.#rowsOf(`select ${columns.join(', ')} from ${table}${where}`, values);
  }

  async #rowsOf(sql: string, values: readonly SqlValue[]): Promise<readonly CopiedRow[]> {
    const rows = await this.#pool.read<Readonly<Record<string, CopiedValue>>>(sql, values);
    return rows.map((row) => this.table.columns.map((column) => row[column.replaceAll('`', '')] ?? null));
  }

  async #delete(db: Statements, rows: readonly CopiedRow[]): Promise<void> {
    const { table, columns, keyColumns } = this.table;
    const key = columns.slice(0, keyColumns);
    for (let from = 0; from < rows.length; from += sliceRows) {
      const keys = rows.slice(from, from + sliceRows).map((row) => row.slice(0, keyColumns));
      if (keyColumns === 1) await db.run(`delete from ${table} where ${key[0]} in (?)`, [keys.flat()]);
      else await db.run(`delete from ${table} where (${key.join(', ')}) in (?)`, [keys as SqlValue[]]);
    }
  }

  #insert(db: Statements, rows: readonly CopiedRow[]): Promise<void> {
    const { table, columns } = this.table;
    return insertRows(db, { into: `${table} (${columns.join(', ')})`, rows }, this.#pool.statementBytesMax);
  }

  #keyOf = (row: CopiedRow): string => row.slice(0, this.table.keyColumns).map(textOf).join('\0');

  #named(error: unknown, rows: readonly CopiedRow[]): Error {
    const [first, last] = [rows.at(0), rows.at(-1)].map((row) => row && this.#keyOf(row).replaceAll('\0', ' '));
    const why = error instanceof Error ? error.message : String(error);
    return new Error(`table ${this.table.table}, rows ${first} to ${last}: ${why}`, { cause: error });
  }
}

const textOf = (value: CopiedValue): string =>
  Buffer.isBuffer(value) ? value.toString('latin1') : value === null ? '\0null' : String(value);

const isSameRow = (one: CopiedRow, other: CopiedRow): boolean =>
  one.every((value, index) => textOf(value) === textOf(other[index] ?? null));

function digestOf(rows: readonly CopiedRow[]): bigint {
  let digest = 0n;
  for (const row of rows) digest = Bun.hash.wyhash(row.map(textOf).join('\u0001'), digest);
  return digest;
}

/** Compares like the server: numbers by value, texts by their bytes. */
function isBehind(group: CopiedValue, bound: CopiedValue): boolean {
  if (typeof group === 'number' && typeof bound === 'number') return group > bound;
  // These are ids, which are ASCII.
  if (typeof group === 'string' && typeof bound === 'string') return group > bound;
  return Buffer.compare(bytesOf(group), bytesOf(bound)) > 0;
}

const bytesOf = (value: CopiedValue): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(String(value)));
