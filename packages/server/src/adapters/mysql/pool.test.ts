import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { systemRandom } from '@hongyan/base/random';
import { rejectionOf } from '@hongyan/testing/rejection';
import { Scratch, type ScratchDatabase } from '@hongyan/testing/scratch';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { isDuplicateKey, MysqlRefusal } from './failure.ts';
import type { MysqlLimits } from './options.ts';
import { MysqlPool } from './pool.ts';
import type { Statements } from './session.ts';
import { roundTripsOf } from './testing/round-trips.ts';

const environment = { clock: systemClock, random: systemRandom };

describeWith(['mysql'], 'the pool of connections to MySQL', (addresses) => {
  let scratch: Scratch;
  let database: ScratchDatabase;
  let pools: MysqlPool[];
  beforeEach(async () => {
    scratch = new Scratch(addresses);
    database = await scratch.database('pool');
    pools = [];
  });
  afterEach(async () => {
    await Promise.all(pools.map((pool) => pool.close()));
    await scratch.remove();
  });

  async function open(limits: Partial<MysqlLimits> = {}): Promise<MysqlPool> {
    const pool = await MysqlPool.open({ ...database, limits }, environment);
    pools.push(pool);
    return pool;
  }
  const sessions = async (pool: MysqlPool): Promise<number> => {
    const [row] = await pool.read<{ n: number }>(
      'select count(*) n from information_schema.processlist where user = ?',
      [database.user],
    );
    return row?.n ?? 0;
  };

  test('[M11] the minimum of connections is open from the start, and is restored when the server ends them', async () => {
    const pool = await open({ idleMin: 3, sessionIdleS: 1 });
    expect(await sessions(pool)).toBe(3);
    const ids = await pool.read<{ id: number }>('select id from information_schema.processlist where user = ?', [
      database.user,
    ]);
    for (const { id } of ids) await rejectionOf(pool.read(`kill connection ${id}`));
    await until(async () => (await sessions(pool)) === 3);
  });

  test('[M11] connections are bounded; callers that wait too long, or exceed the maximum of waiters, are rejected', async () => {
    const pool = await open({ connectionsMax: 2, idleMin: 1, waitersMax: 1, waitTimeoutMs: 50 });
    const held = Promise.withResolvers<void>();
    const holders = [1, 2].map(() => pool.use(() => held.promise));
    await until(() => pool.connectionsInUse === 2);
    const waiting = rejectionOf(pool.check());
    expect(pool.waiting).toBe(1);
    expect(await rejectionOf(pool.check())).toMatchObject({ name: 'StoreFailure', code: 'overloaded' });
    expect(await waiting).toMatchObject({ code: 'overloaded' });
    held.resolve();
    await Promise.all(holders);
    await pool.check();
    expect({ waiting: pool.waiting, inUse: pool.connectionsInUse }).toEqual({ waiting: 0, inUse: 0 });
    expect(pool.waitSeconds.cumulative().at(-1)).toBeGreaterThanOrEqual(3);
  });

  test('[M11] a returned connection goes to the first waiting caller', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    const order: number[] = [];
    await Promise.all([1, 2, 3, 4].map((one) => pool.use(async () => void order.push(one))));
    expect(order).toEqual([1, 2, 3, 4]);
  });

  test('a statement that misses its deadline is unavailable, and its connection is replaced', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1, queryTimeoutMs: 200 });
    const idOf = async () => (await pool.read<{ id: number }>('select connection_id() id'))[0]?.id;
    const before = await idOf();
    expect(await rejectionOf(pool.read('select sleep(5)'))).toMatchObject({
      code: 'unavailable',
      mysqlCode: 'timeout',
    });
    expect(await idOf()).not.toBe(before);
  });

  test('a connection that the server ended silently is replaced without an error', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    await pool.write('create table t (id int primary key)');
    for (const round of [1, 2, 3, 4]) {
      const [row] = await pool.read<{ id: number }>('select connection_id() id');
      // Nothing else runs here, so that the end of the connection is not noticed before it is used.
      const program = `const c = await (await import('mysql2/promise')).createConnection(${JSON.stringify(database)});
        await c.query('kill connection ${row?.id}'); await c.end();`;
      expect(Bun.spawnSync([process.execPath, '-e', program], { cwd: import.meta.dir }).exitCode).toBe(0);
      if (round % 2 === 0) await pool.check();
      else await pool.transaction((statements) => statements.run('insert into t values (?)', [round]));
    }
    expect(await pool.read<{ n: number }>('select count(*) n from t')).toEqual([{ n: 2 }]);
  });

  test('a rejected statement differs from a transient failure, and leaves the connection usable', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    expect(await rejectionOf(pool.read('select nonsense'))).toBeInstanceOf(MysqlRefusal);
    await pool.write('create table t (id int primary key)');
    expect(await pool.write('insert into t values (1)')).toBe(1);
    expect(isDuplicateKey(await rejectionOf(pool.write('insert into t values (1)')))).toBe(true);
    await pool.check();
  });

  test('a statement longer than the server accepts loses its connection, and does not affect the next caller', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    await pool.write('create table t (a longtext)');
    const [long, next] = await Promise.allSettled([
      pool.write('insert into t values (?)', ['x'.repeat(pool.statementBytesMax + 1_000)]),
      pool.write("insert into t values ('short')"),
    ]);
    expect(long).toMatchObject({ status: 'rejected', reason: { name: 'MysqlRefusal', errno: 1153 } });
    expect(next).toEqual({ status: 'fulfilled', value: 1 });
  });

  test('a transaction stores all or nothing, and a closed pool refuses', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    await pool.write('create table t (id int primary key)');
    const fails = pool.transaction(async (statements) => {
      await statements.run('insert into t values (1)');
      throw new Error('no');
    });
    expect(await rejectionOf(fails)).toMatchObject({ message: 'no' });
    await pool.transaction((statements) => statements.run('insert into t values (2)'));
    expect(await pool.read<{ id: number }>('select id from t')).toEqual([{ id: 2 }]);
    await pool.close();
    expect(await rejectionOf(pool.check())).toMatchObject({ code: 'unavailable' });
  });

  test('the statements of one turn are one round trip, with the begin before the first', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    await pool.write('create table t (id int primary key, v varchar(40))');
    const text = 'a;b ? \\ \' "';
    const sent = await roundTripsOf(() =>
      pool.transaction(async (statements) => {
        const [before, changed, after] = await Promise.all([
          statements.rows('select id from t for update'),
          statements.run('insert into t values (?)', [[1, text]]),
          statements.rows('select id, v from t'),
        ]);
        expect([before, changed, after]).toEqual([[], 1, [{ id: 1, v: text }]]);
        expect(await statements.run('delete from t')).toBe(1);
      }),
    );
    expect(sent.map((each) => each.split(';')[0])).toEqual(['begin', 'delete from t', 'commit']);
  });

  test('more than a mebibyte is sent in parts, and statements after a failure are not executed', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    await pool.write('create table t (id int primary key, v longtext)');
    const long = 'x'.repeat(700_000);
    const insert = (statements: Statements, id: number) => statements.run('insert into t values (?)', [[id, long]]);
    const sent = await roundTripsOf(() =>
      pool.transaction((statements) => Promise.all([1, 2, 3].map((id) => insert(statements, id)))),
    );
    expect(sent.length).toBe(4);
    await pool.transaction(async (statements) => {
      const outcomes = await Promise.allSettled([4, 1, 5].map((id) => insert(statements, id)));
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    });
    expect(await pool.read<{ id: number }>('select id from t order by id')).toEqual([1, 2, 3, 4].map((id) => ({ id })));
  });

  test('all statements sent with a failed one reject; the earlier ones have taken effect in the transaction', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    await pool.write('create table t (id int primary key)');
    const insert = (statements: Statements, id: number) => statements.run('insert into t values (?)', [id]);
    await pool.transaction(async (statements) => {
      const outcomes = await Promise.allSettled([1, 1, 2].map((id) => insert(statements, id)));
      expect(outcomes.every((each) => each.status === 'rejected' && isDuplicateKey(each.reason))).toBe(true);
      expect(await statements.rows<{ id: number }>('select id from t')).toEqual([{ id: 1 }]);
    });
    expect(await pool.read<{ id: number }>('select id from t')).toEqual([{ id: 1 }]);
  });

  test('work that continues after its transaction failed changes nothing', async () => {
    const pool = await open({ connectionsMax: 1, idleMin: 1 });
    await pool.write('create table t (id int primary key)');
    const failed = Promise.withResolvers<void>();
    let late: Promise<unknown> = Promise.resolve();
    const goOn = async (statements: Statements) => {
      await statements.run('insert into t values (1)');
      late = failed.promise.then(() => statements.run('insert into t values (2)'));
      await late;
    };
    const refuse = async (statements: Statements) => {
      await statements.rows('select 1');
      throw new Error('no');
    };
    const failing = pool.transaction((statements) => Promise.all([goOn(statements), refuse(statements)]));
    expect(await rejectionOf(failing)).toMatchObject({ message: 'no' });
    failed.resolve();
    expect(await rejectionOf(late)).toMatchObject({ message: expect.stringContaining('after the end') });
    expect(await pool.read('select id from t')).toEqual([]);
  });

  test('of two transactions that block each other, both take effect: one of them the second time', async () => {
    const pool = await open();
    await pool.write('create table t (id int primary key, n int not null)');
    await pool.write('insert into t values (1, 0), (2, 0)');
    const met = Promise.withResolvers<void>();
    let arrived = 0;
    let attempts = 0;
    const raise = (first: number, second: number) =>
      pool.transaction(async (statements) => {
        attempts++;
        await statements.run('update t set n = n + 1 where id = ?', [first]);
        if (++arrived === 2) met.resolve();
        await met.promise;
        await statements.run('update t set n = n + 1 where id = ?', [second]);
      });
    await Promise.all([raise(1, 2), raise(2, 1)]);
    expect(await pool.read<{ n: number }>('select n from t order by id')).toEqual([{ n: 2 }, { n: 2 }]);
    expect(attempts).toBe(3);
  });

  test('a row that stays locked makes others unavailable, until the server ends the session that holds it in silence', async () => {
    const pool = await open({ lockWaitS: 1, attemptsMax: 1, sessionIdleS: 3, idleMin: 0 });
    await pool.write('create table t (id int primary key, n int not null)');
    await pool.write('insert into t values (1, 0)');
    const locked = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    const paused = pool.transaction(async (statements: Statements) => {
      await statements.run('update t set n = 1 where id = 1');
      locked.resolve();
      await late.promise;
    });
    await locked.promise;
    const raise = () => pool.write('update t set n = n + 10 where id = 1');
    expect(await rejectionOf(raise())).toMatchObject({ code: 'unavailable' });
    await until(async () => (await rejectionOf(raise())) === undefined);
    late.resolve();
    expect(await rejectionOf(paused)).toMatchObject({ code: 'unknown_outcome' });
    expect(await pool.read<{ n: number }>('select n from t')).toEqual([{ n: 10 }]);
  });
});

describeWith(['mysql'], 'the pool when its server fails', () => {
  test('a paused server: every call ends by its deadline, a commit with unknown_outcome; then all calls work again', async () => {
    const set = await ownServices({ parts: ['mysql'] });
    const server = set.server('mariadb');
    const scratch = new Scratch(set.addresses);
    const database = await scratch.database('pool');
    const limits = { connectionsMax: 3, idleMin: 1, queryTimeoutMs: 300, waitTimeoutMs: 300, connectTimeoutMs: 1_000 };
    const pool = await MysqlPool.open({ ...database, limits }, environment);
    try {
      await pool.write('create table t (id int primary key)');
      const committing = pool.transaction(async (statements) => {
        await statements.run('insert into t values (1)');
        server.pause();
      });
      expect(await rejectionOf(committing)).toMatchObject({ name: 'StoreFailure', code: 'unknown_outcome' });
      const failures = await Promise.all(Array.from({ length: 20 }, () => rejectionOf(pool.check())));
      for (const failure of failures) expect(failure).toMatchObject({ name: 'StoreFailure' });
      expect(await rejectionOf(pool.write('insert into t values (2)'))).toMatchObject({ name: 'StoreFailure' });
      server.resume();
      await until(async () => (await rejectionOf(pool.check())) === undefined);
      expect(pool.waiting).toBe(0);

      await server.kill();
      expect(await rejectionOf(pool.check())).toMatchObject({ code: 'unavailable' });
      expect(await rejectionOf(MysqlPool.open({ ...database, limits }, environment))).toMatchObject({
        code: 'unavailable',
      });
      await server.start();
      await until(async () => (await rejectionOf(pool.check())) === undefined);
    } finally {
      server.resume();
      await pool.close();
      await set.down();
    }
  }, 120_000);
});

describeWith(['mysql'], 'the pool when its server becomes read-only', () => {
  test('a write that is refused leaves no connection to that server, idle ones and those in use for reads neither', async () => {
    const set = await ownServices({ parts: ['mysql'] });
    const scratch = new Scratch(set.addresses);
    const database = await scratch.database('pool');
    const limits = { connectionsMax: 4, idleMin: 3 };
    const pool = await MysqlPool.open({ ...database, limits }, environment);
    const admin = await MysqlPool.open({ ...database, ...set.addresses.mysql, limits: { idleMin: 0 } }, environment);
    const sessionIds = async () => {
      const rows = await admin.read<{ id: number }>('select id from information_schema.processlist where user = ?', [
        database.user,
      ]);
      return rows.map(({ id }) => id);
    };
    try {
      await pool.write('create table t (id int primary key)');
      const insert = (id: number) => pool.write('insert into t values (?)', [id]);
      const insertInTransaction = (id: number) =>
        pool.transaction(async (statements) => {
          await statements.rows('select id from t');
          await statements.run('insert into t values (?)', [id]);
        });
      for (const write of [insert, insertInTransaction]) {
        const before = await sessionIds();
        expect(before.length).toBeGreaterThanOrEqual(3);
        const reading = Promise.withResolvers<void>();
        const read = pool.use(async (session) => {
          await session.rows('select id from t');
          await reading.promise;
        });
        await admin.write('set global read_only = 1');
        expect(await rejectionOf(write(1))).toMatchObject({ name: 'StoreFailure', code: 'unavailable' });
        reading.resolve();
        await read;
        await admin.write('set global read_only = 0');
        // Requests the maximum number of connections concurrently.
        const all = Promise.withResolvers<void>();
        const used: number[] = [];
        const uses = Array.from({ length: limits.connectionsMax }, () =>
          pool.use(async (session) => {
            const [row] = await session.rows<{ id: number }>('select connection_id() id');
            used.push(row?.id ?? 0);
            if (used.length === limits.connectionsMax) all.resolve();
            await all.promise;
          }),
        );
        await Promise.all(uses);
        expect(used.filter((id) => before.includes(id))).toEqual([]);
        await until(async () => (await sessionIds()).every((id) => !before.includes(id)));
      }
      await insertInTransaction(1);
      expect(pool.connectionsInUse).toBe(0);
    } finally {
      await Promise.all([pool.close(), admin.close()]);
      await set.down();
    }
  }, 120_000);
});

describe('options', () => {
  test('[M11] the defaults are those of the requirement', async () => {
    const { mysqlLimitDefaults } = await import('./options.ts');
    expect(mysqlLimitDefaults).toMatchObject({ connectionsMax: 20, idleMin: 5, connectTimeoutMs: 30_000 });
  });
});
