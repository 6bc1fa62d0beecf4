// How an operation ends, told apart by type: it succeeded, the caller did something wrong, or the server cannot do it now.
// A bug is none of these: it is thrown.

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
  /** Of a caller beyond its rate. */
  readonly quota?: Quota | undefined;
}

/** How much a caller may ask, and what is left of it. */
export interface Quota {
  /** Of letters, digits and hyphens. */
  readonly name: string;
  /** Units at once. */
  readonly size: number;
  /** In which as many come again. */
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

/** `unknown_outcome`: the write may have been stored. With the others nothing was. */
export type StoreFailureCode = 'unavailable' | 'overloaded' | 'unknown_outcome';

/** Thrown by adapters for what the environment did to them: a full disk, a full queue, a closed connection. Anything else thrown is a bug. */
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
