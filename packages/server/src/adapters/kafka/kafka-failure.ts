// What the Kafka client reports, in the words of our ports.

import { StoreFailure } from '@hongyan/base/result';

interface ClientError {
  readonly code?: string;
  /** Of an answer of a broker: its name for the error. */
  readonly apiId?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  /** Of an answer in which some of the partitions failed. */
  readonly response?: { readonly responses?: readonly { readonly partitionResponses?: readonly PartitionAnswer[] }[] };
  /** By the other brokers of a request that failed. */
  readonly produced?: { readonly offsets?: readonly unknown[] };
}

interface PartitionAnswer {
  readonly errorCode: number;
}

/** Kafka is there and does not take these records. None was written, nor will be: what comes behind them overtakes nothing. */
export class RecordsRefused extends StoreFailure {
  readonly isTooLarge: boolean;

  constructor(message: string, { isTooLarge, cause }: { readonly isTooLarge: boolean; readonly cause: unknown }) {
    super('unavailable', message, { cause });
    this.isTooLarge = isTooLarge;
  }
}

/**
 * What a broker answers about records before it has written any of a partition, however often it is asked. Not what is known of a
 * partition that has moved: the client tries again then, and forgets how its tries before that ended.
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
/** The same, while brokers are away. */
const passing = new Set(['LEADER_NOT_AVAILABLE', 'NOT_ENOUGH_REPLICAS']);

/** Of a produce request: `unavailable` where nothing was written by any try, otherwise `unknown_outcome`. */
export function produceFailure(error: unknown): StoreFailure {
  const message = `Kafka did not take the records: ${messageOf(error)}`;
  const leaves = leavesOf(error);
  if (isPartlyWritten(error) || !leaves.every((leaf) => isRefused(leaf) || isUnreached(leaf)))
    return new StoreFailure('unknown_outcome', message, { cause: error });
  if (!leaves.some(isRefused)) return new StoreFailure('unavailable', message, { cause: error });
  const isTooLarge = leaves.some(({ apiId = '' }) => tooLarge.has(apiId));
  return new RecordsRefused(message, { isTooLarge, cause: error });
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

/** The client itself refuses where it knows that the topic is not there. */
const isRefused = ({ code, apiId = '' }: ClientError): boolean => code === 'PLT_KFK_USER' || refusals.has(apiId);

/** No connection, or no answer to what has to be known before a request can be written. */
function isUnreached({ code, apiId = '', message, cause }: ClientError): boolean {
  const { code: systemCode } = (cause ?? {}) as ClientError;
  if (systemCode === 'ECONNREFUSED' || systemCode === 'ENOTFOUND' || systemCode === 'EHOSTUNREACH') return true;
  if (code === 'PLT_KFK_AUTHENTICATION' || passing.has(apiId)) return true;
  return code === 'PLT_KFK_NETWORK' && message !== undefined && /^(Connection to|Cannot connect)/.test(message);
}

/** Some of the partitions have their records. */
function isPartlyWritten(error: unknown): boolean {
  const { response, produced, errors = [] } = error as ClientError;
  const answers = response?.responses?.flatMap(({ partitionResponses = [] }) => partitionResponses) ?? [];
  if (answers.some(({ errorCode }) => errorCode === 0) || (produced?.offsets?.length ?? 0) > 0) return true;
  return errors.some(isPartlyWritten);
}
