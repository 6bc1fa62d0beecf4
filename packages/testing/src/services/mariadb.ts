// MariaDB as the tests want it: small, durable at each commit, row binlog on.

import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exchange } from './exchange.ts';
import { servicePort } from './port.ts';
import { programPath, run, runs } from './programs.ts';
import type { MysqlAddress, ServerRecord } from './state.ts';

export async function prepareMariadb(folder: string): Promise<{ mysql: MysqlAddress; record: ServerRecord }> {
  const base = join(folder, 'mariadb');
  const [data, temporary] = [join(base, 'data'), join(base, 'tmp')];
  await mkdir(temporary, { recursive: true });
  const user = await ordinaryUser(base);
  const mysql = { host: '127.0.0.1', port: servicePort(), user: 'hongyan', password: randomPassword() };
  // Runs at each start. The user `root` of the socket is left as the installer made it: only the owner of the files gets in.
  await writeFile(join(base, 'init.sql'), initSql(mysql));
  if (user) for (const path of [base, temporary, join(base, 'init.sql')]) await chown(path, user.uid, user.gid);
  await chmod(join(base, 'init.sql'), 0o600);
  await run([
    programPath('mariadb-install-db'),
    '--no-defaults',
    `--datadir=${data}`,
    `--tmpdir=${temporary}`,
    '--auth-root-authentication-method=socket',
    '--skip-test-db',
    ...(user ? [`--user=${user.name}`] : []),
  ]);
  const command = [
    programPath('mariadbd'),
    '--no-defaults',
    `--datadir=${data}`,
    // A server that starts removes what it finds of temporary tables there: those of another, were it /tmp.
    `--tmpdir=${temporary}`,
    `--socket=${join(base, 'socket')}`,
    `--pid-file=${join(base, 'pid')}`,
    `--init-file=${join(base, 'init.sql')}`,
    '--bind-address=127.0.0.1',
    `--port=${mysql.port}`,
    '--skip-name-resolve',
    '--max-connections=400',
    '--character-set-server=utf8mb4',
    '--collation-server=utf8mb4_bin',
    '--innodb-buffer-pool-size=256M',
    '--innodb-log-file-size=96M',
    '--innodb-flush-log-at-trx-commit=1',
    '--key-buffer-size=1M',
    '--performance-schema=off',
    // What change data capture reads later.
    '--server-id=1',
    `--log-bin=${join(base, 'binlog')}`,
    '--binlog-format=ROW',
    '--binlog-row-image=FULL',
    '--max-binlog-size=64M',
    '--expire-logs-days=1',
    '--sync-binlog=1',
    ...(user ? [`--user=${user.name}`] : []),
  ];
  return { mysql, record: { name: 'mariadb', kind: 'mariadb', port: mysql.port, command } };
}

/** A server that accepts connections speaks first: packet 0, protocol 10. */
export async function isMariadbReady(port: number): Promise<boolean> {
  const hello = await exchange(port, {});
  return hello?.[4] === 10;
}

const initSql = ({ user, password }: MysqlAddress): string =>
  [
    `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';`,
    `GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%' WITH GRANT OPTION;`,
    '',
  ].join('\n');

const randomPassword = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(18))).toString('hex');

interface OrdinaryUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** MariaDB does not run as root by itself. `nobody` where it can reach the folder; root, on request, where it cannot: below /root. */
async function ordinaryUser(folder: string): Promise<OrdinaryUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const reaches = await runs(['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'test', '-x', folder]);
  return reaches ? { name: 'nobody', uid: 65_534, gid: 65_534 } : { name: 'root', uid: 0, gid: 0 };
}
