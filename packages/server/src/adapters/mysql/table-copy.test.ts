import { afterEach, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { systemRandom } from '@hongyan/base/random';
import { rejectionOf } from '@hongyan/testing/rejection';
import { Scratch } from '@hongyan/testing/scratch';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith } from '@hongyan/testing/services';
import { MysqlPool } from './pool.ts';
import { type CopiedRow, type CopyCounts, TableCopy } from './table-copy.ts';

const table = { table: 't', columns: ['g', 'k', 'v', 'u'], keyColumns: 2, groupColumn: 'g' };

describeWith(['mysql'], 'a table that is copied', (addresses) => {
  let scratch: Scratch;
  let pool: MysqlPool;
  let copy: TableCopy;
  beforeEach(async () => {
    scratch = new Scratch(addresses);
    const database = await scratch.database('copy');
    pool = await MysqlPool.open({ ...database, limits: { idleMin: 1 } }, { clock: systemClock, random: systemRandom });
    await pool.write(
      'create table t (g varchar(20) collate utf8mb4_bin not null, k varbinary(20) not null, v text, u int, primary key (g, k), unique key (u)) character set utf8mb4',
    );
    copy = new TableCopy(pool, table);
  });
  afterEach(async () => {
    await pool.close();
    await scratch.remove();
  });

  /** `size` groups of up to three rows. */
  const rowsOf = (size: number): CopiedRow[] =>
    Array.from({ length: size }, (_, index) => `g${String(index).padStart(5, '0')}`).flatMap((group, index) =>
      ['a', '鸿'].slice(0, 1 + (index % 2)).map((key, no) => [group, Buffer.from(key), `'${index}`, index * 2 + no]),
    );
  async function stored(): Promise<readonly CopiedRow[]> {
    const rows = await pool.read<{ g: string; k: Buffer; v: string; u: number }>(
      'select g, k, v, u from t order by g, k',
    );
    return rows.map(({ g, k, v, u }) => [g, k, v, u]);
  }
  async function expectCopied(rows: readonly CopiedRow[]): Promise<CopyCounts> {
    const counts = await copy.pass(rows);
    expect(await stored()).toEqual([...rows]);
    return counts;
  }

  test('rows that came, changed and went are all that is written', async () => {
    const rows = rowsOf(2_000);
    expect(await expectCopied(rows)).toEqual({ rows: 3_000, compared: 3_000, written: 3_000, deleted: 0 });
    expect(await expectCopied(rows)).toEqual({ rows: 3_000, compared: 0, written: 0, deleted: 0 });
    const [, second, ...others] = rows;
    const changed = second?.with(2, 'changed') ?? [];
    const last = others.pop();
    expect(last).toBeDefined();
    const { compared, written, deleted } = await expectCopied([changed, ...others, ['h', Buffer.from('a'), null, -1]]);
    expect(compared).toBeLessThan(1_200);
    // A row that changed is replaced.
    expect({ written, deleted }).toEqual({ written: 2, deleted: 3 });
  });

  test('a new copy compares with the table, and reports differences without changing them', async () => {
    const rows = rowsOf(1_000);
    await copy.pass(rows.slice(0, 700));
    copy = new TableCopy(pool, table);
    const isReadOnly = { isReadOnly: true };
    expect(await copy.pass(rows, isReadOnly)).toMatchObject({ written: rows.length - 700, deleted: 0 });
    expect(await stored()).toHaveLength(700);
    expect(await expectCopied(rows)).toMatchObject({ written: rows.length - 700, deleted: 0 });
    expect(await copy.pass(rows, isReadOnly)).toMatchObject({ written: 0, deleted: 0 });
  });

  test('unique values that move between rows far apart are no conflict', async () => {
    const rows = rowsOf(3_000);
    await expectCopied(rows);
    const [first, last] = [rows.at(0), rows.at(-1)];
    if (!first || !last) throw new Error('there are rows');
    const swapped = [first.with(3, last[3] ?? null), ...rows.slice(1, -1), last.with(3, first[3] ?? null)];
    await expectCopied(swapped);
  });

  test('the table equals the source after any changes of its rows', async () => {
    const random = createRandom(testSeed('table copy'));
    const all = rowsOf(1_500);
    for (let round = 0; round < 6; round++) {
      const share = random();
      const version = String(round);
      await expectCopied(
        all.filter(() => random() < share).map((row) => (random() < 0.1 ? row.with(2, version) : row)),
      );
    }
  });

  test('of a log only rows after the last pass are read, and rows that the source removed are deleted', async () => {
    await pool.write('create table l (no int not null, v text, primary key (no)) character set utf8mb4');
    const log = { table: 'l', columns: ['no', 'v'], keyColumns: 1, groupColumn: 'no' };
    let rows: CopiedRow[] = Array.from({ length: 1_200 }, (_, index) => [index + 1, `row ${index}`]);
    let readCount = 0;
    const rowsAfter = function* (group: unknown) {
      for (const row of rows)
        if (Number(row[0]) > Number(group ?? 0)) {
          readCount++;
          yield row;
        }
    };
    const expectLog = async (counts: Partial<CopyCounts>, options: { isWhole?: boolean } = {}) => {
      expect(await copy.passLog(rowsAfter, { isReadBack: true, ...options })).toMatchObject(counts);
      expect(await pool.read('select no, v from l order by no')).toEqual(rows.map(([no, v]) => ({ no, v })));
    };
    copy = new TableCopy(pool, log);
    await expectLog({ rows: 1_200, written: 1_200, deleted: 0 });
    rows = [...rows.slice(700), ...Array.from({ length: 600 }, (_, index): CopiedRow => [1_201 + index, 'new'])];
    readCount = 0;
    await expectLog({ rows: 1_100, written: 600, deleted: 700 });
    expect(readCount).toBe(601);
    await expectLog({ rows: 1_100, written: 0, deleted: 0 });
    // What an earlier life of the copy left is compared as a whole, once.
    copy = new TableCopy(pool, log);
    await pool.write("update l set v = 'damaged' where no = 1000");
    await expectLog({ rows: 1_100, compared: 1_100, written: 1 });
    await pool.write("update l set v = 'damaged' where no = 1500");
    await expectLog({ rows: 1_100, compared: 1_100, written: 1 }, { isWhole: true });
    rows = [];
    await expectLog({ rows: 0, deleted: 1_100 });
    rows = [[3_000, 'later']];
    await expectLog({ rows: 1, written: 1 });
  });

  test('a row that the table cannot take is named', async () => {
    const error = await rejectionOf(copy.pass([['g'.repeat(30), Buffer.from('a'), null, 1]]));
    expect(error).toMatchObject({ message: expect.stringContaining(`table t, rows ${'g'.repeat(30)} a`) });
  });
});
