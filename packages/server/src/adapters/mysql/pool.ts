// The connection pool of one process to one database: bounded connections, bounded waits and no hanging calls [M11].

import { backOffMs } from '@hongyan/base/back-off';
import { type Clock, sleep } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import { StoreFailure } from '@hongyan/base/result';
import { createPool, type Pool, type PoolConnection } from 'mysql2';
import type { Histogram } from '../../metrics/histogram.ts';
import { commitFailureOf, failureOf, isTooLong, MysqlConflict, MysqlStale, MysqlUnavailable } from './failure.ts';
import { Gate } from './gate.ts';
import { type MysqlLimits, type MysqlOptions, mysqlLimitDefaults, packetOwnBytes, sentBytesWanted } from './options.ts';
import { Session, type SqlValue, type Statements } from './session.ts';

interface Environment {
  readonly clock: Clock;
  readonly random: Random;
}

export class MysqlPool {
  readonly #pool: Pool;
  readonly #limits: MysqlLimits;
  readonly #environment: Environment;
  readonly #gate: Gate;
  readonly #keepAlive: { cancel(): void };
  /** Connections to a server that is not known to be read-only. Others are destroyed instead of reused. */
  #usable = new WeakSet<PoolConnection>();
  #statementBytesMax = 0;
  #closing: Promise<void> | undefined;

  /** Connects; rejects with `unavailable` when the server cannot be reached. */
  static async open(options: MysqlOptions, environment: Environment): Promise<MysqlPool> {
    const pool = new MysqlPool(options, environment);
    try {
      const [row] = await pool.read<{ bytes: number }>('select @@max_allowed_packet bytes');
      pool.#statementBytesMax = row?.bytes ?? 0;
      await pool.#touchIdle();
      options.onOpen?.(pool);
      return pool;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  private constructor(options: MysqlOptions, environment: Environment) {
    const limits = { ...mysqlLimitDefaults, ...options.limits };
    this.#limits = limits;
    this.#environment = environment;
    const { clock } = environment;
    const { connectionsMax, waitersMax, waitTimeoutMs, sessionIdleS } = limits;
    this.#gate = new Gate({ clock, insideMax: connectionsMax, waitersMax, waitTimeoutMs });
    this.#pool = poolOf(options, limits);
    this.#pool.on('connection', (connection: PoolConnection) => this.#usable.add(connection));
    this.#keepAlive = clock.every((sessionIdleS * 1000) / 3, () => void this.#touchIdle().catch(ignoreOutage));
  }

  /** The time that callers waited at the gate. */
  get waitSeconds(): Histogram {
    return this.#gate.waitSeconds;
  }

  get connectionsInUse(): number {
    return this.#gate.inside;
  }

  get waiting(): number {
    return this.#gate.waiting;
  }

  get limits(): MysqlLimits {
    return this.#limits;
  }

  /** The server's maximum length of a statement. */
  get statementBytesMax(): number {
    return this.#statementBytesMax;
  }

  /** Executes one query. Retried when the connection was lost before the server answered. */
  read<Row>(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return this.#retried(() =>
      this.use(async (session) => {
        try {
          return await session.rows<Row>(sql, values);
        } catch (error) {
          throw session.isStale ? MysqlStale.of(error) : error;
        }
      }),
    );
  }

  /** Executes one statement as a transaction. Rejects with `unknown_outcome` when the connection is lost. */
  write(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.#retried(() =>
      this.use(async (session) => {
        try {
          return await session.run(sql, values);
        } catch (error) {
          throw session.isLost && !isTooLong(error) ? commitFailureOf(error) : error;
        }
      }),
    );
  }

  /**
   * Commits all changes of `work`, or none. After a conflict with another transaction `work` runs again from its start, so it MUST have
   * no other side effects. Rejects with `unknown_outcome` when the connection is lost during the commit.
   */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.#retried(() => this.use((session) => inTransaction(session, work)));
  }

  /** Rejects when the server does not answer. */
  async check(): Promise<void> {
    await this.read('select 1');
  }

  /** Lends a connection for several statements. `work` MUST NOT leave a transaction open. `queryTimeoutMs` raises the deadline of its statements. */
  async use<T>(work: (session: Session) => Promise<T>, options?: { readonly queryTimeoutMs: number }): Promise<T> {
    if (this.#closing) throw new StoreFailure('unavailable', 'the connection pool is closed');
    await this.#gate.enter();
    const connection = await this.#connect();
    const session = new Session(connection, {
      clock: this.#environment.clock,
      queryTimeoutMs: options?.queryTimeoutMs ?? this.#limits.queryTimeoutMs,
      sentBytesMax: Math.min(sentBytesWanted, this.#statementBytesMax - packetOwnBytes),
    });
    try {
      return await work(session);
    } finally {
      this.#giveBack(connection, session);
    }
  }

  /** Resolves when all calls in flight have finished or have reached their deadline. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#keepAlive.cancel();
    while (this.#gate.inside > 0) await sleep(this.#environment.clock, { delayMs: 5 });
    await new Promise<void>((resolve) => this.#pool.end(() => resolve()));
  }

  /** Rejects at the deadline, but leaves the gate only when mysql2 answers, because the connection counts against the limit until then. */
  #connect(): Promise<PoolConnection> {
    const { waitTimeoutMs } = this.#limits;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = this.#environment.clock.after(waitTimeoutMs, () => {
        isLate = true;
        reject(new MysqlUnavailable(`no connection to the database within ${waitTimeoutMs} ms`, 'connect'));
      });
      this.#take((error, connection) => {
        timer.cancel();
        if (!isLate && !error) return resolve(connection);
        if (error) reject(failureOf(error));
        else connection.release();
        this.#gate.leave();
      });
    });
  }

  #take(callback: (error: Error | null, connection: PoolConnection) => void): void {
    this.#pool.getConnection((error, connection) => {
      if (error || this.#usable.has(connection)) return callback(error, connection);
      connection.destroy();
      this.#take(callback);
    });
  }

  #giveBack(connection: PoolConnection, session: Session): void {
    // Once per read-only server: an old connection must not invalidate the connections that were opened since.
    if (session.isReadOnly && this.#usable.has(connection)) this.#usable = new WeakSet();
    if (!session.isLost) {
      if (this.#usable.has(connection)) connection.release();
      else connection.destroy();
    }
    this.#gate.leave();
  }

  async #retried<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, random } = this.#environment;
    for (let attempts = 1; ; attempts++) {
      try {
        return await attempt();
      } catch (error) {
        const isPassing = error instanceof MysqlConflict || error instanceof MysqlStale;
        if (!isPassing || attempts >= this.#limits.attemptsMax) throw error;
        await sleep(clock, { delayMs: backOffMs(attempts, { baseMs: 5, maxMs: 200, random }) });
      }
    }
  }

  /** Opens missing idle connections, and uses the others, so that the server does not end them. */
  async #touchIdle(): Promise<void> {
    const spare = Math.min(this.#limits.idleMin, this.#limits.connectionsMax) - this.#gate.inside;
    if (spare <= 0 || this.#closing) return;
    const all = Promise.withResolvers<void>();
    let open = 0;
    await Promise.all(
      Array.from({ length: spare }, () =>
        this.use(async (session) => {
          await session.rows('select 1');
          // All are held until the last one is open. Otherwise one connection would serve all calls.
          if (++open === spare) all.resolve();
          await Promise.race([all.promise, sleep(this.#environment.clock, { delayMs: 1_000 })]);
        }),
      ),
    );
  }
}

async function inTransaction<T>(session: Session, work: (statements: Statements) => Promise<T>): Promise<T> {
  session.begin();
  let result: T;
  try {
    result = await work(session);
  } catch (error) {
    await rollBack(session);
    throw session.isStale ? MysqlStale.of(error) : error;
  }
  try {
    await session.end('commit');
  } catch (error) {
    session.destroy();
    throw commitFailureOf(error);
  }
  return result;
}

/** Destroys the connection when it cannot roll back. The server then rolls back too. */
async function rollBack(session: Session): Promise<void> {
  if (session.isLost) return;
  try {
    await session.end('rollback');
  } catch {
    session.destroy();
  }
}

/** The next caller that needs the database receives the failure. */
function ignoreOutage(error: unknown): void {
  if (!(error instanceof StoreFailure)) throw error;
}

function poolOf({ host, port, user, password, database, tlsCa }: MysqlOptions, limits: MysqlLimits): Pool {
  const { connectionsMax, connectTimeoutMs, queryTimeoutMs, sessionIdleS, lockWaitS } = limits;
  const pool = createPool({
    host,
    port,
    user,
    password,
    database,
    ...(tlsCa !== undefined && { ssl: { ca: tlsCa } }),
    charset: 'UTF8MB4_BIN',
    connectionLimit: connectionsMax,
    connectTimeout: connectTimeoutMs,
    // Connections that keepAlive does not use are closed before the server ends them.
    maxIdle: connectionsMax,
    idleTimeout: (sessionIdleS * 1000) / 2,
    enableKeepAlive: true,
    // Otherwise an update to equal values would count as a change.
    flags: ['-FOUND_ROWS'],
    // A session sends the statements of one turn together.
    multipleStatements: true,
  });
  pool.on('connection', (connection: PoolConnection) => {
    const settings = [
      `innodb_lock_wait_timeout = ${lockWaitS}`,
      // Bounds the wait for a table whose columns or partitions are being changed.
      `lock_wait_timeout = ${Math.ceil(queryTimeoutMs / 1000)}`,
      `wait_timeout = ${sessionIdleS}`,
      `sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`,
    ];
    for (const sql of [
      'set session transaction isolation level read committed',
      `set session ${settings.join(', ')}`,
    ]) {
      // Queued before the first statement of the caller.
      connection.query(sql, (error) => {
        if (error) connection.destroy();
      });
    }
  });
  return pool;
}
