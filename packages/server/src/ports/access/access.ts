// The access port: API keys and token revocations, in one store with one life cycle.

import type { ApiKeys } from './api-keys.ts';
import type { Revocations } from './revocations.ts';

/**
 * Failures of the environment reject with StoreFailure. With `unknown_outcome` the write may have been stored, with any other code it
 * was not. The store does not retry.
 */
export interface Access extends ApiKeys, Revocations {
  /** Stores the accepted writes. Later calls reject. Idempotent. */
  close(): Promise<void>;
}

/** The names of the methods that change the store. */
export type AccessWrite = 'createKey' | 'revokeKey' | 'touchKey' | 'revoke' | 'recordUse' | 'forgetExpired';
