// The results of operations: success, a refusal (the caller's fault) or a failure (the server cannot do it now). A bug is none of these: it
// is thrown.

export interface Ok<T> {
  readonly type: 'ok';
  readonly value: T;
}

/** The caller's fault: the same request fails again until the caller changes something. */
export interface Refused<Code extends string> {
  readonly type: 'refused';
  readonly code: Code;
  /** What is wrong and what to do, in plain English. */
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  /** Set for a caller beyond its rate. */
  readonly quota?: Quota | undefined;
}

/** The rate limit of a caller, and the rest of it. */
export interface Quota {
  /** Contains letters, digits and hyphens only. */
  readonly name: string;
  /** Units. */
  readonly size: number;
  /** The time in which `size` units are refilled. */
  readonly windowS: number;
  readonly remaining: number;
}

/** The server cannot do it now: the same request may succeed later. */
export interface Failed<Code extends string> {
  readonly type: 'failed';
  readonly code: Code;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

export const ok = <T>(value: T): Ok<T> => ({ type: 'ok', value });
export const done: Ok<undefined> = { type: 'ok', value: undefined };

/** `unknown_outcome`: the write may have been stored. With the other codes it was not. */
export type StoreFailureCode = 'unavailable' | 'overloaded' | 'unknown_outcome';

/** Thrown by adapters for failures of the environment: a full disk, a full queue, a closed connection. Any other error is a bug. */
export class StoreFailure extends Error {
  override readonly name: string = 'StoreFailure';
  constructor(
    readonly code: StoreFailureCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
