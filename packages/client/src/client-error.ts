// The error of the client library: the wire's error codes, for requests, sends and connections alike.

import { type ErrorCode, isRetryable } from '@hongyan/protocol/codes';

/** `code` is the server's; a request that did not reach the server, or got no answer, is `unavailable`. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    more: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, more);
    this.code = code;
    this.retryAfterMs = more.retryAfterMs;
  }

  /** The same request may be sent again unchanged. */
  get isRetryable(): boolean {
    return isRetryable(this.code);
  }
}

/** What the application gave cannot be sent. */
export const badRequest = (message: string): ClientError => new ClientError('bad_request', message);

/** Anything thrown, as a ClientError. */
export function toClientError(error: unknown): ClientError {
  if (error instanceof ClientError) return error;
  return new ClientError('unavailable', error instanceof Error ? error.message : String(error), { cause: error });
}
