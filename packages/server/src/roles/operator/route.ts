// What the operator listener answers: each route is a plain object, declared by the part of the server that it shows or changes.

import type { Method } from '@hongyan/protocol/operations/operation';
import type { Result } from '@hongyan/protocol/refusals';
import type { Static, TSchema } from 'typebox';

export interface OperatorRequest {
  /** As asked, with its query. */
  readonly path: string;
  /** Of the path: `id` of /admin/v1/webhooks/:id. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** Aborts when the one who asked has gone. */
  readonly signal: AbortSignal;
  /** The body as it came; asked for before `body`. */
  text(): Promise<string>;
  /** The JSON body as the schema declares it; a refusal that says what is wrong with it. */
  body<S extends TSchema>(schema: S): Promise<Result<Static<S>>>;
}

/** A result becomes JSON (204 without a value) or a problem+json with its code; a response is passed on as it is. */
export type OperatorAnswer = Response | Result<unknown>;

export interface OperatorRoute {
  readonly method: Method;
  /** As Bun's router takes it: /admin/v1/webhooks/:id. JSON for machines stands below /admin/v1/, for people in need below /debug/. */
  readonly path: string;
  /** Answered to anyone who reaches the listener: it must tell nothing about users and change nothing. Default: asks for the token. */
  readonly isOpen?: boolean;
  /** Its answer may be silent for minutes, like a profile's. Default: cut after ten seconds of silence. */
  readonly isSlow?: boolean;
  /** A StoreFailure that it throws is answered by its code, anything else is a bug: logged, and answered `internal`. */
  handle(request: OperatorRequest): OperatorAnswer | Promise<OperatorAnswer>;
}
