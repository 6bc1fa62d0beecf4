// A borrowed connection. It sends the statements of one turn of the event loop in one round trip, because a round trip costs the process
// and the server more than most statements do. A connection that misses the deadline of a round trip is destroyed.

import type { Clock } from '@hongyan/base/clock';
import { format, type PoolConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2';
import { deadlineCode, failureOf, MysqlUnavailable } from './failure.ts';
import { isOfLostConnection, isOfReadOnlyServer } from './server-errors.ts';

export type SqlValue = string | number | null | Buffer | SqlValue[];

/**
 * Executes statements with a `?` for each value. A list becomes `a, b`, a list of lists `(a, b), (c, d)`. Statements take effect in the
 * order of the calls. When one fails, the later ones are not executed, and all statements of the same round trip reject, including
 * earlier ones that took effect.
 */
export interface Statements {
  /** Executes a query. */
  rows<Row>(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Executes a change. Returns the number of changed rows. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

type Result = RowDataPacket[] | ResultSetHeader;

interface Waiting {
  readonly sql: string;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

interface SessionOptions {
  readonly clock: Clock;
  /** The deadline of a round trip. */
  readonly queryTimeoutMs: number;
  /** The maximum size of a round trip, unless a single statement is larger. */
  readonly sentBytesMax: number;
}

export class Session implements Statements {
  readonly #connection: PoolConnection;
  readonly #options: SessionOptions;
  #waiting: Waiting[] = [];
  #isSending = false;
  #isBeginning = false;
  #isOver = false;
  #hasAnswered = false;
  #isLost = false;
  #isReadOnly = false;

  constructor(connection: PoolConnection, options: SessionOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** The connection is unusable. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** The server rejected a write because it is read-only. */
  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  /** The connection was lost before the server answered anything in this session, so a transaction changed nothing. */
  get isStale(): boolean {
    return this.#isLost && !this.#hasAnswered;
  }

  /** Begins a transaction. `begin` is sent with the first statement. */
  begin(): void {
    this.#isBeginning = true;
  }

  async rows<Row>(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return (await this.#query(sql, values)) as unknown as readonly Row[];
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    const result = (await this.#query(sql, values)) as ResultSetHeader;
    return result.affectedRows;
  }

  /** Ends the transaction. Later statements are rejected: their callers have not noticed yet that the work failed. */
  async end(how: 'commit' | 'rollback'): Promise<void> {
    const ended = this.#query(how, []);
    this.#isOver = true;
    await ended;
  }

  /** Closes the connection. The server rolls back an open transaction. */
  destroy(): void {
    this.#isLost = true;
    this.#connection.destroy();
  }

  #query(sql: string, values: readonly SqlValue[]): Promise<Result> {
    if (this.#isOver) return Promise.reject(new Error('statement after the end of its transaction'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sql: values.length === 0 ? sql : format(sql, values as SqlValue[]), resolve, reject });
      if (this.#isSending) return;
      this.#isSending = true;
      queueMicrotask(() => void this.#send());
    });
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const together = this.#takeWaiting();
      try {
        const results = await this.#roundTrip(together.map(({ sql }) => sql));
        for (const [index, { resolve }] of together.entries()) resolve(results[index] as Result);
      } catch (error) {
        // The later statements assume that these took effect.
        for (const { reject } of [...together, ...this.#waiting.splice(0)]) reject(error as Error);
      }
    }
    this.#isSending = false;
  }

  /** At least one statement. One that is larger than the bound is sent alone, and the server accepts or rejects it. */
  #takeWaiting(): readonly Waiting[] {
    let bytes = 0;
    const count = this.#waiting.findIndex(({ sql }, index) => {
      bytes += Buffer.byteLength(sql) + 1;
      return index > 0 && bytes > this.#options.sentBytesMax;
    });
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : count);
  }

  #roundTrip(statements: readonly string[]): Promise<readonly Result[]> {
    const { clock, queryTimeoutMs } = this.#options;
    const all = this.#isBeginning ? ['begin', ...statements] : statements;
    this.#isBeginning = false;
    return new Promise((resolve, reject) => {
      const timer = clock.after(queryTimeoutMs, () => {
        this.destroy();
        reject(new MysqlUnavailable(`the database did not answer within ${queryTimeoutMs} ms`, deadlineCode));
      });
      this.#connection.query<Result>(all.join(';'), (error, result) => {
        timer.cancel();
        if (error && isOfLostConnection(error)) this.destroy();
        else this.#hasAnswered = true;
        if (error && isOfReadOnlyServer(error)) this.#isReadOnly = true;
        if (error) return reject(failureOf(error));
        const results = all.length === 1 ? [result] : (result as unknown as Result[]);
        resolve(results.slice(-statements.length));
      });
    });
  }
}
