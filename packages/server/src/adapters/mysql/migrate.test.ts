import { afterEach, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { systemRandom } from '@hongyan/base/random';
import { rejectionOf } from '@hongyan/testing/rejection';
import { Scratch } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { insertRows, insertStatements } from './insert.ts';
import { migrateDatabase } from './migrate.ts';
import { MysqlPool } from './pool.ts';
import type { SqlValue } from './session.ts';

describeWith(['mysql'], 'tables in MySQL', (addresses) => {
  let scratch: Scratch;
  let pools: MysqlPool[];
  beforeEach(async () => {
    scratch = new Scratch(addresses);
    const database = await scratch.database('layout');
    const environment = { clock: systemClock, random: systemRandom };
    pools = await Promise.all(
      [1, 2, 3].map(() => MysqlPool.open({ ...database, limits: { idleMin: 1 } }, environment)),
    );
  });
  afterEach(async () => {
    await Promise.all(pools.map((pool) => pool.close()));
    await scratch.remove();
  });
  const pool = (): MysqlPool => pools[0] as MysqlPool;
  const first = ['create table if not exists a (id int primary key)', 'insert ignore into a values (1)'];
  const second = ['create table if not exists b (id int primary key)', 'insert into b values (1)'];

  test('steps run once and in order, however many processes start at once', async () => {
    await Promise.all(pools.map((each) => migrateDatabase(each, { name: 'test', migrations: [first] })));
    await Promise.all(pools.map((each) => migrateDatabase(each, { name: 'test', migrations: [first, second] })));
    expect(await pool().read<{ id: number }>('select id from b')).toEqual([{ id: 1 }]);
  });

  test('an interrupted step runs again, and a later version is rejected', async () => {
    const broken = {
      name: 'test',
      migrations: [first, ['create table if not exists b (id int primary key)', 'nonsense']],
    };
    expect(await rejectionOf(migrateDatabase(pool(), broken))).toBeInstanceOf(Error);
    await migrateDatabase(pool(), { name: 'test', migrations: [first, second] });
    const older = rejectionOf(migrateDatabase(pool(), { name: 'test', migrations: [first] }));
    expect(await older).toMatchObject({ message: expect.stringContaining('later version') });
  });

  test('rows are inserted unchanged, including SQL, NUL and bytes, in statements within the bound', async () => {
    await pool().write('create table t (id int primary key, s varbinary(100), b mediumblob)');
    const hostile = `'"); drop table t; -- \u0000\n\\ 鸿雁 👩‍👩‍👧 ?`;
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const rows: SqlValue[][] = Array.from({ length: 500 }, (_, id) => [id, id % 2 === 0 ? hostile : null, bytes]);
    const insert = { into: 't (id, s, b)', rows };
    for (const sql of insertStatements(insert, 10_000)) expect(Buffer.byteLength(sql)).toBeLessThanOrEqual(10_000);
    await pool().use((session) => insertRows(session, insert, 10_000));
    const found = await pool().read<{ s: Buffer | null; b: Buffer }>('select s, b from t order by id');
    expect(found.map(({ s, b }) => [s?.toString() ?? null, b.equals(bytes)])).toEqual(
      rows.map(([, s]) => [s, true]) as never,
    );
  });

  test('a row as long as the server takes is stored, a longer one refused as such', async () => {
    await pool().write('create table t (id int primary key, s longblob)');
    const insert = (length: number) =>
      pool().use((session) =>
        insertRows(session, { into: 't', rows: [[1, 'x'.repeat(length)]] }, pool().statementBytesMax),
      );
    expect(await rejectionOf(insert(pool().statementBytesMax))).toMatchObject({
      message: expect.stringContaining('max_allowed_packet'),
    });
    await insert(pool().statementBytesMax - 200);
  });
});
