// The error numbers of MySQL, MariaDB and TiDB by which the adapter decides.

/** The transaction was rolled back because of another one, and a retry may succeed. */
export const isConflict = (errno: number): boolean => conflicts.has(errno);

/** The server cannot execute the statement now. */
export const isPassing = (errno: number): boolean => passing.has(errno);

/** Whether the connection is unusable after the error. Errors of lost connections may have neither a number nor a code. */
export const isOfLostConnection = (error: Error): boolean =>
  !('sqlState' in error) || ('errno' in error && endsSession.has(Number(error.errno)));

/**
 * The server accepts no writes: after a planned switch-over it is the former primary. Its address may point to another server by now, but
 * open connections still lead to this one.
 */
export const isOfReadOnlyServer = (error: Error): boolean => 'errno' in error && readOnly.has(Number(error.errno));

export const duplicateKey = 1062;
export const statementTooLong = 1153;

/** Lock wait timeout, deadlock. TiDB: write conflict, schema changed meanwhile, lock could not be resolved. */
const conflicts = new Set([1205, 1213, 8002, 8022, 8028, 9004, 9007]);

/**
 * The server: too many connections (1040, 1203), out of memory or disk (1021, 1037, 1038, 1041, 1114), read-only or shutting down
 * (1053, 1290, 1792, 1836), killed or timed out (1317, 1927, 1969, 3024, 4031), access denied or host blocked (1044, 1045, 1129,
 * 1130, 1698), waiting for the definition of a table (1412, 1637). TiDB: placement or storage does not answer (9001–9012).
 */
const passing = new Set([
  1021, 1037, 1038, 1040, 1041, 1044, 1045, 1053, 1114, 1129, 1130, 1203, 1290, 1317, 1412, 1637, 1698, 1792, 1836,
  1927, 1969, 3024, 4031, 9001, 9002, 9003, 9005, 9006, 9008, 9009, 9010, 9011, 9012,
]);

/** The server ends the session after these: shutting down, killed, idle for too long. */
const endsSession = new Set([1053, 1152, statementTooLong, 1159, 1161, 1184, 1927, 4031]);

const readOnly = new Set([1290, 1792, 1836]);
