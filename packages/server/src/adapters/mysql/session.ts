// One connection while somebody works with it. Every statement has a deadline; a connection that missed it is destroyed.

import type { Clock } from '@hongyan/base/clock';
import type { PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2';
import { deadlineCode, failureOf, isOfLostConnection, MysqlUnavailable } from './failure.ts';

export type SqlValue = string | number | null | Buffer | SqlValue[];

/** Statements with `?` for each value; a list becomes `a, b`, a list of lists `(a, b), (c, d)`. */
export interface Statements {
  /** For a question. */
  rows<Row>(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** For a change; returns the number of rows it changed. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

export class Session implements Statements {
  readonly #connection: PoolConnection;
  readonly #clock: Clock;
  readonly #queryTimeoutMs: number;
  #isLost = false;

  constructor(connection: PoolConnection, { clock, queryTimeoutMs }: { clock: Clock; queryTimeoutMs: number }) {
    this.#connection = connection;
    this.#clock = clock;
    this.#queryTimeoutMs = queryTimeoutMs;
  }

  /** Nothing can be asked through it any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  async rows<Row>(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return (await this.#query(sql, values)) as unknown as readonly Row[];
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    const result = (await this.#query(sql, values)) as ResultSetHeader;
    return result.affectedRows;
  }

  /** Ends the connection: the server undoes what is open. */
  destroy(): void {
    this.#isLost = true;
    this.#connection.destroy();
  }

  #query(sql: string, values: readonly SqlValue[]): Promise<RowDataPacket[] | ResultSetHeader> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(this.#queryTimeoutMs, () => {
        this.destroy();
        reject(new MysqlUnavailable(`the database did not answer within ${this.#queryTimeoutMs} ms`, deadlineCode));
      });
      this.#connection.query<RowDataPacket[] | ResultSetHeader>(sql, values as SqlValue[], (error, result) => {
        timer.cancel();
        if (!error) return resolve(result);
        if (isOfLostConnection(error)) this.destroy();
        reject(failureOf(error));
      });
    });
  }
}
