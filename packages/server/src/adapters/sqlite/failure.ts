// Classifies SQLite errors: failures of the environment, which callers may retry, and bugs.

import { StoreFailure } from '@hongyan/base/result';

/** An error in the form in which it travels between threads. */
export interface Failure {
  readonly message: string;
  /** The error code of SQLite, such as SQLITE_FULL, or of the system, such as EACCES. */
  readonly sqliteCode?: string;
}

/** The disk is full, failing or locked. Nothing was stored, and a retry may succeed. */
export class SqliteUnavailable extends StoreFailure {
  constructor(
    message: string,
    /** For logs. */
    readonly sqliteCode: string,
  ) {
    super('unavailable', message);
  }
}

/** A constraint or statement failed, which is a bug of the store or of its caller. Nothing was stored. */
export class SqliteBug extends Error {
  override readonly name = 'SqliteBug';
  constructor(
    message: string,
    /** For logs. Absent when the error is not from SQLite. */
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

/** Whether the environment caused the error, so that a retry may succeed. */
export function isUnavailable(error: unknown): boolean {
  const sqliteCode = error instanceof Error ? sqliteCodeOf(error) : undefined;
  return sqliteCode !== undefined && isEnvironment(sqliteCode);
}

const isEnvironment = (sqliteCode: string): boolean =>
  /^(SQLITE_(FULL|IOERR|BUSY|LOCKED|READONLY|CANTOPEN|NOMEM)|E[A-Z0-9]+$)/.test(sqliteCode);

const sqliteCodeOf = (error: Error): string | undefined =>
  'code' in error && typeof error.code === 'string' ? error.code : undefined;
