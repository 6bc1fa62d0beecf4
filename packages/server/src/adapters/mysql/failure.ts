// What went wrong at the MySQL server, told apart: what passes, what may have been stored all the same, and bugs.

import { StoreFailure } from '@hongyan/base/result';

/** The server, or the way to it, cannot do it now. */
export class MysqlUnavailable extends StoreFailure {
  constructor(
    message: string,
    /** For logs: the server's number or the system's name of the error, when it has one. */
    readonly mysqlCode: string,
    options?: ErrorOptions,
  ) {
    super('unavailable', message, options);
  }
}

/** Another transaction was in the way; this one is rolled back, and the same again may succeed. */
export class MysqlConflict extends MysqlUnavailable {}

/** The server ended the connection before it answered anything, and so changed nothing: the same on another connection may succeed. */
export class MysqlStale extends MysqlUnavailable {
  static of(error: unknown): unknown {
    // Who asks again after a deadline waits twice.
    if (!(error instanceof MysqlUnavailable) || error.mysqlCode === deadlineCode) return error;
    return new MysqlStale(error.message, error.mysqlCode, { cause: error });
  }
}

export const deadlineCode = 'timeout';

/** A statement that the server refuses: a bug of the store, unless its caller expects it, such as a key that is taken. */
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

export const isDuplicateKey = (error: unknown): boolean => error instanceof MysqlRefusal && error.errno === 1062;

/** Deadlock; wait for a row. TiDB: write conflict, schema changed meanwhile, lock could not be resolved. */
const conflicts = new Set([1205, 1213, 8002, 8022, 8028, 9004, 9007]);

/**
 * Of the server: too many connections (1040, 1203), out of memory or disk (1021, 1037, 1038, 1041, 1114), read-only or shutting down
 * (1053, 1290, 1792, 1836), killed or timed out (1317, 1927, 1969, 3024, 4031), refused at the door (1044, 1045, 1129, 1130, 1698),
 * waiting for a table's definition (1412, 1637). TiDB: placement or storage does not answer (9001–9012).
 */
const passing = new Set([
  1021, 1037, 1038, 1040, 1041, 1044, 1045, 1053, 1114, 1129, 1130, 1203, 1290, 1317, 1412, 1637, 1698, 1792, 1836,
  1927, 1969, 3024, 4031, 9001, 9002, 9003, 9005, 9006, 9008, 9009, 9010, 9011, 9012,
]);

/** What mysql2 or the server reported. Some errors of lost connections have neither number nor code. */
export function failureOf(error: unknown): MysqlUnavailable | MysqlRefusal {
  const cause = error instanceof Error ? error : new Error(String(error));
  const { errno, code, sqlState } = cause as { errno?: unknown; code?: unknown; sqlState?: unknown };
  const mysqlCode = typeof code === 'string' ? code : String(errno ?? 'lost');
  // Numbers of the operating system are negative, and come without an SQL state.
  if (typeof errno !== 'number' || errno < 1000 || typeof sqlState !== 'string')
    return new MysqlUnavailable(`the database does not answer: ${cause.message}`, mysqlCode, { cause });
  if (conflicts.has(errno))
    return new MysqlConflict(`the database is busy with the same rows: ${cause.message}`, mysqlCode, { cause });
  if (passing.has(errno))
    return new MysqlUnavailable(`the database cannot do it now: ${cause.message}`, mysqlCode, { cause });
  return new MysqlRefusal(`the database refused a statement: ${cause.message}`, errno, { cause });
}

/** A statement longer than the server takes. It was not executed. */
const tooLong = 1153;
export const isTooLong = (error: unknown): boolean => error instanceof MysqlRefusal && error.errno === tooLong;

/** The server ends the session that gets one of these: shutting down, killed, silent for too long. */
const endsSession = new Set([1053, 1152, tooLong, 1159, 1161, 1184, 1927, 4031]);

/** Whether nothing can be asked through the connection any more. Errors of lost ones may have neither number nor code. */
export const isOfLostConnection = (error: Error): boolean =>
  !('sqlState' in error) || ('errno' in error && endsSession.has(Number(error.errno)));

/**
 * The server takes no writes: after a planned switch-over it is the former primary. The address may lead to another one by now, and
 * connections that are open go on leading to it.
 */
const readOnly = new Set([1290, 1792, 1836]);
export const isOfReadOnlyServer = (error: Error): boolean => 'errno' in error && readOnly.has(Number(error.errno));

/** The statement ends a transaction: unless the server said that it is undone, it may be stored. */
export function commitFailureOf(error: unknown): StoreFailure {
  if (error instanceof MysqlConflict) return error;
  const { message } = error as Error;
  return new StoreFailure('unknown_outcome', `it is not known whether the commit took effect: ${message}`, {
    cause: error,
  });
}
