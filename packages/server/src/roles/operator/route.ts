// A route of the operator API: a plain object, declared by the part of the server that it reads or changes.

import type { Method } from '@hongyan/protocol/operations/operation';
import type { Result } from '@hongyan/protocol/refusals';
import type { Static, TSchema } from 'typebox';

export interface OperatorRequest {
  /** The requested path with its query. */
  readonly path: string;
  /** Of the path: `id` of /admin/v1/webhooks/:id. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** Aborts when the client has disconnected. */
  readonly signal: AbortSignal;
  /** The raw body. Call it before `body`. */
  text(): Promise<string>;
  /** The JSON body, validated by the schema, or a refusal that names the mistake. */
  body<S extends TSchema>(schema: S): Promise<Result<Static<S>>>;
}

/** A result becomes JSON (204 without a value) or a problem+json with its code; a response is passed on as it is. */
export type OperatorAnswer = Response | Result<unknown>;

export interface OperatorRoute {
  readonly method: Method;
  /** As Bun's router takes it: /admin/v1/webhooks/:id. JSON for machines stands below /admin/v1/, for people in need below /debug/. */
  readonly path: string;
  /** Needs no token: the route must reveal nothing about users and change nothing. Default: false. */
  readonly isOpen?: boolean;
  /** The answer may take minutes, like a profile. Default: the connection is cut after ten seconds without data. */
  readonly isSlow?: boolean;
  /** A StoreFailure that it throws is answered by its code, anything else is a bug: logged, and answered `internal`. */
  handle(request: OperatorRequest): OperatorAnswer | Promise<OperatorAnswer>;
}
