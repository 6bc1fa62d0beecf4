// What the stores say to MariaDB here, MySQL 8 and TiDB understand too: every statement of their tests is recorded by a server and given
// to tools/sql-dialect, which parses it as TiDB does.

import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, ownServices } from '@hongyan/testing/services';
import type { MysqlAddress } from '@hongyan/testing/services/state';
import { createConnection, type RowDataPacket } from 'mysql2/promise';

const root = join(import.meta.dir, '../..');
const storesMs = 600_000;
/** Of what is sent together. Longer ones hold inserts of many rows, which differ from short ones by their number alone. */
const statementCharsMax = 20_000;
/** The log writes each byte of a four-byte character as \xF0, and cuts statements with many of them: these differ by their values alone. */
const isCut = /(\\x[\dA-F]{2}){100}/;

const hasGo = Bun.which('go') !== null;
if (!hasGo && process.env.CI === 'true')
  throw new Error("go is not installed, so no statement can be read by TiDB's parser");
if (!hasGo) console.warn("SKIPPED: go is not installed, so no statement is read by TiDB's parser");

test.skipIf(!hasGo)(
  'what MySQL 8 or TiDB lacks is found',
  async () => {
    const refused = {
      'insert into t (a) values (1) returning a': 'TiDB does not parse it',
      'select rank from t': 'TiDB does not parse it',
      'select a as manual from t': 'MySQL 8 reserves the word',
      'select a from t for update skip locked': 'locks rows for update alone',
      'select json_unquote(a) from t': 'is not used by stores yet',
      'create table t (a int, fulltext key (a))': 'no FULLTEXT',
      'create table t (a varchar(9) collate utf8mb4_general_ci)': 'compare by code point',
      'create table t (a int primary key, b int, unique key (b)) partition by hash (a) partitions 2':
        'must hold the column',
      'select 1 from a join b on a.x = (select 1)': 'no subquery in the condition',
      'optimize table t': 'not used by stores yet',
    };
    for (const [statement, why] of Object.entries(refused)) {
      const { code, output } = await dialectOf([statement]);
      expect({ statement, code, isFound: output.includes(why) }).toEqual({ statement, code: 1, isFound: true });
    }
    expect(await dialectOf(['select a from t where b = 1 for update'])).toMatchObject({ code: 0 });
  },
  300_000,
);

describeWith(['mysql'], 'statements of the stores', () => {
  test.skipIf(!hasGo)(
    'every one is understood by TiDB and MySQL 8',
    async () => {
      const set = await ownServices({ parts: ['mysql'] });
      const { mysql } = set.addresses;
      if (!mysql) throw new Error('the set has no mysql');
      try {
        await runStores(set.folder, mysql);
        const statements = await recorded(mysql);
        expect(statements.length).toBeGreaterThan(1_000);
        const { code, output } = await dialectOf(statements);
        console.log(output);
        expect(code).toBe(0);
      } finally {
        await set.down();
      }
    },
    storesMs,
  );
});

/** The contract of each store, and what else its tests do. */
async function runStores(folder: string, mysql: MysqlAddress): Promise<void> {
  await asAdmin(mysql, "set global log_output = 'TABLE', global general_log = 1");
  const files = await Array.fromAsync(new Bun.Glob('packages/server/src/ports/**/mysql-*.test.ts').scan(root));
  expect(files.length).toBeGreaterThan(0);
  const child = Bun.spawn([process.execPath, 'test', '--timeout', '120000', ...files.map((file) => `./${file}`)], {
    cwd: root,
    env: { ...process.env, HONGYAN_SERVICES: folder, CI: '' },
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`tests of stores failed:\n${said.slice(-4_000)}`);
  await asAdmin(mysql, 'set global general_log = 0');
}

/** By the users of scratch databases: not what the tests themselves say as administrator. */
async function recorded(mysql: MysqlAddress): Promise<readonly string[]> {
  const rows = await asAdmin(
    mysql,
    `select distinct convert(argument using utf8mb4) statement from mysql.general_log
     where command_type in ('Query', 'Execute') and user_host not like '${mysql.user}[%' and length(argument) < ${statementCharsMax}`,
  );
  return rows.map(({ statement }) => String(statement)).filter((statement) => !isCut.test(statement));
}

async function asAdmin(mysql: MysqlAddress, sql: string): Promise<readonly RowDataPacket[]> {
  const connection = await createConnection({ ...mysql });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

/** The program is built once a run: go keeps what it compiled. */
async function dialectOf(statements: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const child = Bun.spawn([await dialect()], {
    stdin: new Blob([JSON.stringify(statements)]),
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: out + error };
}

let built: Promise<string> | undefined;
const dialect = (): Promise<string> => {
  built ??= build();
  return built;
};

async function build(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-dialect-'));
  process.on('exit', () => void rm(folder, { recursive: true, force: true }));
  const program = join(folder, 'sql-dialect');
  const child = Bun.spawn(['go', 'build', '-o', program, '.'], {
    cwd: join(root, 'tools/sql-dialect'),
    stderr: 'pipe',
  });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`tools/sql-dialect does not build:\n${said}`);
  return program;
}
