// What the Kafka client reports, in the words of our ports.

import { StoreFailure } from '@hongyan/base/result';

interface ClientError {
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** Of a produce request. `unavailable` where no try got as far as a broker; otherwise a broker may have written the records. */
export function produceFailure(error: unknown): StoreFailure {
  const message = `Kafka did not take the records: ${messageOf(error)}`;
  return new StoreFailure(leavesOf(error).every(isUnreached) ? 'unavailable' : 'unknown_outcome', message, {
    cause: error,
  });
}

/** Of a question: nothing is written by it. */
export const askFailure = (error: unknown): StoreFailure =>
  new StoreFailure('unavailable', `Kafka does not answer: ${messageOf(error)}`, { cause: error });

function messageOf(error: unknown): string {
  return (
    leavesOf(error)
      .map(({ message = String(error) }) => message)
      .at(-1) ?? String(error)
  );
}

/** The errors of all tries, without those that only collect others. */
function leavesOf(error: unknown): readonly ClientError[] {
  const one = error as ClientError;
  if (one.errors !== undefined && one.errors.length > 0) return one.errors.flatMap(leavesOf);
  return [one];
}

/** No connection, or no answer to what has to be known before a request can be written. */
function isUnreached({ code, message, cause }: ClientError): boolean {
  const { code: systemCode } = (cause ?? {}) as ClientError;
  if (systemCode === 'ECONNREFUSED' || systemCode === 'ENOTFOUND' || systemCode === 'EHOSTUNREACH') return true;
  return code === 'PLT_KFK_NETWORK' && message !== undefined && /^(Connection to|Cannot connect)/.test(message);
}
