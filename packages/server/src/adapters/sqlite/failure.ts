// What went wrong in SQLite, told apart: the environment's failures, which pass, and bugs, which do not.

import { StoreFailure } from '@hongyan/base/result';

/** An error as it travels between threads. */
export interface Failure {
  readonly message: string;
  /** SQLite's name of the error, such as SQLITE_FULL, or the system's, such as EACCES. */
  readonly sqliteCode?: string;
}

/** The disk is full, failing or locked: nothing was stored, and the same write may succeed later. */
export class SqliteUnavailable extends StoreFailure {
  constructor(
    message: string,
    /** For logs. */
    readonly sqliteCode: string,
  ) {
    super('unavailable', message);
  }
}

/** A constraint or a statement that fails: a bug of the store or of its caller. Nothing was stored. */
export class SqliteBug extends Error {
  override readonly name = 'SqliteBug';
  constructor(
    message: string,
    /** For logs; absent when the error did not come from SQLite. */
    readonly sqliteCode?: string,
  ) {
    super(message);
  }
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) };
  const sqliteCode = sqliteCodeOf(error);
  return { message: error.message, ...(sqliteCode !== undefined ? { sqliteCode } : {}) };
}

export function errorOf({ message, sqliteCode }: Failure): SqliteUnavailable | SqliteBug {
  if (sqliteCode !== undefined && isEnvironment(sqliteCode)) return new SqliteUnavailable(message, sqliteCode);
  return new SqliteBug(message, sqliteCode);
}

/** Whether the environment caused it: then trying again later is right. */
export function isUnavailable(error: unknown): boolean {
  const sqliteCode = error instanceof Error ? sqliteCodeOf(error) : undefined;
  return sqliteCode !== undefined && isEnvironment(sqliteCode);
}

const isEnvironment = (sqliteCode: string): boolean =>
  /^(SQLITE_(FULL|IOERR|BUSY|LOCKED|READONLY|CANTOPEN|NOMEM)|E[A-Z0-9]+$)/.test(sqliteCode);

const sqliteCodeOf = (error: Error): string | undefined =>
  'code' in error && typeof error.code === 'string' ? error.code : undefined;
