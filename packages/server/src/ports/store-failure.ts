// How a store behind any port says that a write failed, so that the client is told whether trying again is safe.

import type { ErrorCode } from '@hongyan/protocol/codes';
import type { Refusal } from './core/core.ts';

/** What a rejected write means for the one who asked. Anything else that is thrown is a bug: `internal`. */
export type StoreFailureCode = Extract<ErrorCode, 'unavailable' | 'overloaded' | 'unknown_outcome' | 'internal'>;

export abstract class StoreFailure extends Error {
  /** MUST be unknown_outcome whenever the write may have been stored; with any other nothing was. */
  abstract readonly errorCode: StoreFailureCode;
}

const messages: Record<StoreFailureCode, string> = {
  unavailable: 'the store cannot take this now',
  overloaded: 'the store has too many writes waiting',
  unknown_outcome: 'the outcome is unknown: ask for it, or send again with the same client_msg_id',
  internal: 'the server failed to answer; try again',
};

export function refusalOf(error: unknown): Refusal {
  const code = error instanceof StoreFailure ? error.errorCode : 'internal';
  return {
    type: 'refused',
    code,
    message: messages[code],
    ...(code === 'overloaded' ? { retryAfterMs: 1000 } : {}),
  };
}
