// The access port: who may use the server beside those with a password, and which tokens may no longer; one store with one life cycle.

import type { ApiKeys } from './api-keys.ts';
import type { Revocations } from './revocations.ts';

/** Rejects with StoreFailure for what the environment does. `unknown_outcome`: the write may have been stored; otherwise it was not. */
export interface Access extends ApiKeys, Revocations {
  /** Stores what was accepted. Later calls reject; closing twice is harmless. */
  close(): Promise<void>;
}

/** The names of the methods that change the store. */
export type AccessWrite = 'createKey' | 'revokeKey' | 'touchKey' | 'revoke' | 'noteUse' | 'forgetExpired';
