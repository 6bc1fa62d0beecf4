// The failures of a MySQL server as errors that callers can act on: retry, look up the outcome, or report a bug.

import { StoreFailure } from '@hongyan/base/result';
import { duplicateKey, isConflict, isPassing, statementTooLong } from './server-errors.ts';

/** The server, or the network to it, cannot execute the statement now. */
export class MysqlUnavailable extends StoreFailure {
  constructor(
    message: string,
    /** For logs: the server's error number or the system's error name, or "lost" when there is neither. */
    readonly mysqlCode: string,
    options?: ErrorOptions,
  ) {
    super('unavailable', message, options);
  }
}

/** The transaction conflicted with another one and was rolled back. A retry may succeed. */
export class MysqlConflict extends MysqlUnavailable {}

/** The connection was lost before the server answered anything, so nothing was changed. A retry on another connection may succeed. */
export class MysqlStale extends MysqlUnavailable {
  static of(error: unknown): unknown {
    // A retry after a deadline would double the wait.
    if (!(error instanceof MysqlUnavailable) || error.mysqlCode === deadlineCode) return error;
    return new MysqlStale(error.message, error.mysqlCode, { cause: error });
  }
}

export const deadlineCode = 'timeout';

/** The server rejected a statement: a bug of the store, unless its caller expects the error, such as a duplicate key. */
export class MysqlRefusal extends Error {
  override readonly name = 'MysqlRefusal';
  constructor(
    message: string,
    readonly errno: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const isDuplicateKey = (error: unknown): boolean =>
  error instanceof MysqlRefusal && error.errno === duplicateKey;

/** The statement was longer than the server accepts, and was not executed. */
export const isTooLong = (error: unknown): boolean => error instanceof MysqlRefusal && error.errno === statementTooLong;

/** Converts an error of mysql2 or of the server. Some errors of lost connections have neither a number nor a code. */
export function failureOf(error: unknown): MysqlUnavailable | MysqlRefusal {
  const cause = error instanceof Error ? error : new Error(String(error));
  const { errno, code, sqlState } = cause as { errno?: unknown; code?: unknown; sqlState?: unknown };
  const mysqlCode = typeof code === 'string' ? code : String(errno ?? 'lost');
  // Error numbers of the operating system are negative and have no SQL state.
  if (typeof errno !== 'number' || errno < 1000 || typeof sqlState !== 'string')
    return new MysqlUnavailable(`the database does not answer: ${cause.message}`, mysqlCode, { cause });
  if (isConflict(errno))
    return new MysqlConflict(`the database is busy with the same rows: ${cause.message}`, mysqlCode, { cause });
  if (isPassing(errno))
    return new MysqlUnavailable(`the database cannot do it now: ${cause.message}`, mysqlCode, { cause });
  return new MysqlRefusal(`the database refused a statement: ${cause.message}`, errno, { cause });
}

/** For the statement that ends a transaction: unless the server reported a rollback, the transaction may be stored. */
export function commitFailureOf(error: unknown): StoreFailure {
  if (error instanceof MysqlConflict) return error;
  const { message } = error as Error;
  return new StoreFailure('unknown_outcome', `it is not known whether the commit took effect: ${message}`, {
    cause: error,
  });
}
