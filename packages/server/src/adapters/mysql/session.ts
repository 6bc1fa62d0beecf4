// One connection while somebody works with it. Statements that are asked for in one turn are sent together, since a round trip costs the
// process and the server more than most statements do. Each round trip has a deadline; a connection that missed it is destroyed.

import type { Clock } from '@hongyan/base/clock';
import { format, type PoolConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2';
import { deadlineCode, failureOf, MysqlUnavailable } from './failure.ts';
import { isOfLostConnection, isOfReadOnlyServer } from './server-errors.ts';

export type SqlValue = string | number | null | Buffer | SqlValue[];

/**
 * Statements with `?` for each value; a list becomes `a, b`, a list of lists `(a, b), (c, d)`. They take effect in the order in which
 * they are asked for. When one fails, those behind it are not executed, and all that were sent with it reject: also those in front of
 * it, which took effect.
 */
export interface Statements {
  /** For a question. */
  rows<Row>(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** For a change; returns the number of rows it changed. */
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
  /** Of one round trip. */
  readonly queryTimeoutMs: number;
  /** Of what is sent in one round trip, unless one statement has more by itself. */
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

  /** Nothing can be asked through it any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** The server refused a write because it takes none. */
  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  /** The connection was lost before the server answered anything in this session: a transaction changed nothing. */
  get isStale(): boolean {
    return this.#isLost && !this.#hasAnswered;
  }

  /** Of a transaction: sent with its first statement. */
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

  /** The last statement: whoever asks later, having not heard that the work failed, is refused. */
  async end(how: 'commit' | 'rollback'): Promise<void> {
    const ended = this.#query(how, []);
    this.#isOver = true;
    await ended;
  }

  /** Ends the connection: the server undoes what is open. */
  destroy(): void {
    this.#isLost = true;
    this.#connection.destroy();
  }

  #query(sql: string, values: readonly SqlValue[]): Promise<Result> {
    if (this.#isOver) return Promise.reject(new Error('a statement behind the end of its transaction'));
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
        // Those behind were asked for as if these had taken effect.
        for (const { reject } of [...together, ...this.#waiting.splice(0)]) reject(error as Error);
      }
    }
    this.#isSending = false;
  }

  /** One at least, which the server accepts or refuses as it is. */
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
