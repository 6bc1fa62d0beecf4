// Converts errors of the Kafka client to StoreFailure.

import { StoreFailure } from '@hongyan/base/result';

interface ClientError {
  readonly code?: string;
  /** The broker's name of the error. */
  readonly apiId?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  /** The response when some of its partitions failed. */
  readonly response?: { readonly responses?: readonly { readonly partitionResponses?: readonly PartitionAnswer[] }[] };
  /** The results of the other brokers when one broker of a request failed. */
  readonly produced?: { readonly offsets?: readonly unknown[] };
}

interface PartitionAnswer {
  readonly errorCode: number;
}

/** Kafka rejected these records. None was or will be written, so later records of the same keys may be sent. */
export class RecordsRefused extends StoreFailure {
  readonly isTooLarge: boolean;

  constructor(message: string, { isTooLarge, cause }: { readonly isTooLarge: boolean; readonly cause: unknown }) {
    super('unavailable', message, { cause });
    this.isTooLarge = isTooLarge;
  }
}

/**
 * Errors by which a broker rejects the records of a partition before it writes any of them, on every attempt. Errors of a partition that
 * has moved are not among them: the client retries those, and forgets how its earlier attempts ended.
 */
const refusals = new Set([
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_CONFIG',
  'INVALID_RECORD',
  'INVALID_REQUIRED_ACKS',
  'INVALID_TIMESTAMP',
  'INVALID_TOPIC_EXCEPTION',
  'MESSAGE_TOO_LARGE',
  'POLICY_VIOLATION',
  'RECORD_LIST_TOO_LARGE',
  'TOPIC_AUTHORIZATION_FAILED',
  'UNSUPPORTED_COMPRESSION_TYPE',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
]);
const tooLarge = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
/** Errors by which a broker rejects records while other brokers are unavailable. */
const passing = new Set(['LEADER_NOT_AVAILABLE', 'NOT_ENOUGH_REPLICAS']);

/** The failure of a produce request: `unavailable` when no attempt has written a record, otherwise `unknown_outcome`. */
export function produceFailure(error: unknown): StoreFailure {
  const message = `Kafka did not take the records: ${messageOf(error)}`;
  const leaves = leavesOf(error);
  if (isPartlyWritten(error) || !leaves.every((leaf) => isRefused(leaf) || isUnreached(leaf)))
    return new StoreFailure('unknown_outcome', message, { cause: error });
  if (!leaves.some(isRefused)) return new StoreFailure('unavailable', message, { cause: error });
  const isTooLarge = leaves.some(({ apiId = '' }) => tooLarge.has(apiId));
  return new RecordsRefused(message, { isTooLarge, cause: error });
}

/** The failure of a request that writes nothing. */
export const askFailure = (error: unknown): StoreFailure =>
  new StoreFailure('unavailable', `Kafka does not answer: ${messageOf(error)}`, { cause: error });

function messageOf(error: unknown): string {
  return (
    leavesOf(error)
      .map(({ message = String(error) }) => message)
      .at(-1) ?? String(error)
  );
}

/** The errors of all attempts, without the errors that only aggregate others. */
function leavesOf(error: unknown): readonly ClientError[] {
  const one = error as ClientError;
  if (one.errors !== undefined && one.errors.length > 0) return one.errors.flatMap(leavesOf);
  return [one];
}

/** The client itself rejects records of a topic that does not exist. */
const isRefused = ({ code, apiId = '' }: ClientError): boolean => code === 'PLT_KFK_USER' || refusals.has(apiId);

/** No connection was made, or a lookup that precedes the request failed. */
function isUnreached({ code, apiId = '', message, cause }: ClientError): boolean {
  const { code: systemCode } = (cause ?? {}) as ClientError;
  if (systemCode === 'ECONNREFUSED' || systemCode === 'ENOTFOUND' || systemCode === 'EHOSTUNREACH') return true;
  if (code === 'PLT_KFK_AUTHENTICATION' || passing.has(apiId)) return true;
  return code === 'PLT_KFK_NETWORK' && message !== undefined && /^(Connection to|Cannot connect)/.test(message);
}

/** Some partitions have stored their records. */
function isPartlyWritten(error: unknown): boolean {
  const { response, produced, errors = [] } = error as ClientError;
  const answers = response?.responses?.flatMap(({ partitionResponses = [] }) => partitionResponses) ?? [];
  if (answers.some(({ errorCode }) => errorCode === 0) || (produced?.offsets?.length ?? 0) > 0) return true;
  return errors.some(isPartlyWritten);
}
