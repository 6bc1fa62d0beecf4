// Classifies errors of reads of an SQLite file: failures of the environment, and bugs.

import { StoreFailure } from '@hongyan/base/result';

/** Codes for failures of the disk, of its permissions and of other processes. Any other code is a bug in a statement. */
const environmentCodes = /^SQLITE_(BUSY|CANTOPEN|FULL|IOERR|LOCKED|NOMEM|READONLY)/;

/** A StoreFailure when the environment failed, otherwise the error itself. */
export function readFailureOf(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!environmentCodes.test(code)) return error;
  return new StoreFailure('unavailable', `the store cannot be read now: ${code}`, { cause: error });
}
