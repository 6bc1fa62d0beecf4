// A route declared once: its method, path, schemas and handler. The server's routing and openapi.json are both made from it.

import type { UserId } from '@hongyan/protocol/ids';
import Type, { type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Outcome } from '../../../ports/core/core.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Parsed and trusted from here on. `userId` is set exactly when the route asks for a bearer token. */
export interface RouteInput<P, Q, B, U> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly userId: U;
  readonly request: Request;
}

export interface RouteSpec<P extends TSchema, Q extends TSchema, B extends TSchema, A extends boolean> {
  readonly method: Method;
  /** As in OpenAPI: /v1/users/{user_id}. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly needsToken: A;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly status: number;
  readonly result?: TSchema;
  handle(
    input: RouteInput<Static<P>, Static<Q>, Static<B>, A extends true ? UserId : undefined>,
  ): Promise<Outcome<unknown>>;
}

/** A route with its types forgotten, ready to be run. */
export interface Route {
  readonly spec: Omit<RouteSpec<TSchema, TSchema, TSchema, boolean>, 'handle'>;
  readonly parseParams: (value: unknown) => Parsed;
  readonly parseQuery: (value: unknown) => Parsed;
  readonly parseBody: ((value: unknown) => Parsed) | undefined;
  readonly handle: (input: RouteInput<unknown, unknown, unknown, UserId | undefined>) => Promise<Outcome<unknown>>;
}

export type Parsed =
  | { readonly type: 'ok'; readonly value: unknown }
  | { readonly type: 'error'; readonly message: string };

const empty = Type.Object({});

export function route<
  A extends boolean,
  P extends TSchema = typeof empty,
  Q extends TSchema = typeof empty,
  B extends TSchema = typeof empty,
>(spec: RouteSpec<P, Q, B, A>): Route {
  return {
    spec,
    parseParams: parser(spec.params ?? empty, 'path'),
    parseQuery: parser(spec.query ?? empty, 'query'),
    parseBody: spec.body && parser(spec.body, 'body'),
    // The parsers above check exactly these types before the handler is called.
    handle: spec.handle as unknown as Route['handle'],
  };
}

function parser(schema: TSchema, where: string): (value: unknown) => Parsed {
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return { type: 'ok', value };
    const first = compiled.Errors(value)[0];
    return { type: 'error', message: `${where}${first?.instancePath ?? ''}: ${first?.message ?? 'is not valid'}` };
  };
}

/** Query values are text; those that the schema wants as integers are converted, all else stays and fails its check. */
export function queryOf(url: string, schema: TSchema | undefined): Record<string, unknown> {
  const at = url.indexOf('?');
  if (at < 0) return {};
  const properties = (schema as { properties?: Record<string, { type?: string }> } | undefined)?.properties ?? {};
  const values: Record<string, unknown> = {};
  for (const [name, text] of new URLSearchParams(url.slice(at + 1))) {
    values[name] = properties[name]?.type === 'integer' && /^-?\d{1,16}$/.test(text) ? Number(text) : text;
  }
  return values;
}
