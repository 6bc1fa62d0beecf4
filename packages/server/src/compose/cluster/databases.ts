// The databases of the services: each is reached with a user and connections of its own, and made when it is not there.

import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import type { Config } from '../../config/options.ts';
import { type DatabaseService, type MysqlServer, mysqlServer } from '../../config/servers.ts';
import { ServerTrouble } from './when-serving.ts';

/** For the adapter of the service, whose database is there then. Rejects with what to do when the server cannot be used. */
export async function databaseOf(config: Config, service: DatabaseService): Promise<MysqlOptions> {
  const server = mysqlServer(config, service);
  await ensureDatabase(server, config.mysqlConnectTimeoutMs);
  return {
    ...server,
    limits: {
      connectionsMax: config.mysqlPoolMax,
      idleMin: Math.min(config.mysqlPoolIdleMin, config.mysqlPoolMax),
      connectTimeoutMs: config.mysqlConnectTimeoutMs,
    },
  };
}

/** As databaseOf, with few connections and of a database that is there: rejects where no server has run. */
export async function databaseForCommands(config: Config, service: DatabaseService): Promise<MysqlOptions> {
  const server = mysqlServer(config, service);
  const { mysqlConnectTimeoutMs: connectTimeoutMs, clusterName } = config;
  const connection = await connect(server, connectTimeoutMs);
  try {
    if (!(await isThere(connection, server.database)))
      throw new Error(
        `no server has run on the cluster ${clusterName} at ${server.host}:${server.port}; give the cluster with --cluster-name and its server with --mysql-url`,
      );
  } finally {
    await connection.end();
  }
  return { ...server, limits: { connectionsMax: 2, idleMin: 0, connectTimeoutMs } };
}

/** The user may be one that must not create it: then it is there already. */
async function ensureDatabase(server: MysqlServer, connectTimeout: number): Promise<void> {
  const { database, user } = server;
  const connection = await connect(server, connectTimeout);
  try {
    await connection.query(`create database if not exists \`${database}\` character set utf8mb4 collate utf8mb4_bin`);
  } catch (cause) {
    if (await isThere(connection, database)) return;
    throw new Error(
      `the MySQL user ${user} may not create the database ${database}: create it with the character set utf8mb4 and the collation utf8mb4_bin, and grant ${user} all privileges on it`,
      { cause },
    );
  } finally {
    await connection.end();
  }
}

/** As far as the user may see it. `_` in a name is a pattern of its own: the names are compared here. */
async function isThere(connection: Connection, database: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>('show databases like ?', [database]);
  return rows.some((row) => Object.values(row).includes(database));
}

/** What MySQL, MariaDB and TiDB say to a user or a password that they do not know. */
const denied: ReadonlySet<unknown> = new Set([1044, 1045, 1698]);

async function connect({ host, port, user, password }: MysqlServer, connectTimeout: number) {
  try {
    return await createConnection({ host, port, user, password, connectTimeout });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message || String(cause) : String(cause);
    const isDenied = denied.has((cause as { readonly errno?: unknown }).errno);
    const remedy = isDenied ? 'give the user and its password' : 'start it, or say where it is';
    throw new ServerTrouble(`MySQL at ${host}:${port} cannot be used as ${user}: ${why}; ${remedy} by --mysql-url`, {
      mayPass: !isDenied,
      cause,
    });
  }
}
