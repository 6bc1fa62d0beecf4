// Runs declared routes: bearer token, parsed input, outcome to response. Bun's own router finds the route.

import type { BunRequest } from 'bun';
import type { Outcome } from '../../../ports/core/core.ts';
import { refusalOf } from '../../../ports/store-failure.ts';
import type { GatewayDeps } from '../deps.ts';
import { problem } from './problem.ts';
import { type Method, queryOf, type Route } from './route.ts';

type Handler = (request: BunRequest) => Promise<Response>;
export type RouteTable = Record<string, Partial<Record<Method, Handler>>>;

const corsHeaders = {
  // Requests carry a bearer token, never cookies, so any page may call: that is what embedding a chat needs.
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, content-type',
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
  'access-control-max-age': '86400',
};

/** While `isReady` says no, each request is refused and its connection closed: a stop waits for those before it alone. */
export function serveRoutes(deps: GatewayDeps, routes: readonly Route[], isReady: () => boolean): RouteTable {
  const table: RouteTable = {};
  for (const route of routes) {
    const path = route.spec.path.replace(/\{(\w+)\}/g, ':$1');
    const handle = (request: BunRequest) => (isReady() ? answer(deps, route, request) : Promise.resolve(stopping()));
    table[path] = { ...table[path], [route.spec.method]: handle };
  }
  return table;
}

export const preflight = (): Response => new Response(null, { status: 204, headers: corsHeaders });

export function stopping(): Response {
  const response = problem({ code: 'unavailable', message: 'the server is stopping', retryAfterMs: 1000 });
  response.headers.set('access-control-allow-origin', '*');
  response.headers.set('connection', 'close');
  return response;
}

async function answer(deps: GatewayDeps, route: Route, request: BunRequest): Promise<Response> {
  let response: Response;
  try {
    const outcome = await run(deps, route, request);
    response = outcome.type === 'refused' ? problem(outcome) : success(outcome.value, route.spec.status);
  } catch (error) {
    deps.log.error('http request failed', { method: route.spec.method, path: route.spec.path, error });
    response = problem(refusalOf(error));
  }
  response.headers.set('access-control-allow-origin', '*');
  return response;
}

async function run(deps: GatewayDeps, route: Route, request: BunRequest): Promise<Outcome<unknown>> {
  const { spec } = route;
  let userId: Parameters<Route['handle']>[0]['userId'];
  if (spec.needsToken) {
    const verified = await deps.tokens.verify(bearerToken(request.headers.get('authorization')) ?? '');
    if (verified.type === 'invalid') return { type: 'refused', code: 'unauthorized', message: verified.reason };
    userId = verified.userId;
  }
  const params = route.parseParams(request.params);
  if (params.type === 'error') return badRequest(params.message);
  const query = route.parseQuery(queryOf(request.url, spec.query));
  if (query.type === 'error') return badRequest(query.message);
  let body: unknown;
  if (route.parseBody) {
    const json = await readJson(request, deps.limits.frameBytesMax);
    if (json.type === 'refused') return json;
    const parsed = route.parseBody(json.value);
    if (parsed.type === 'error') return badRequest(parsed.message);
    body = parsed.value;
  }
  return route.handle({ params: params.value, query: query.value, body, userId, request });
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerToken(header: string | null): string | undefined {
  return header?.match(/^Bearer +(\S+)$/i)?.[1];
}

async function readJson(request: Request, bytesMax: number): Promise<Outcome<unknown>> {
  const text = await request.text();
  if (Buffer.byteLength(text) > bytesMax)
    return { type: 'refused', code: 'too_large', message: `a body is at most ${bytesMax} bytes` };
  try {
    return { type: 'ok', value: JSON.parse(text) };
  } catch {
    // JSON.parse throws SyntaxError for bad text and RangeError for nesting it cannot hold: both are the sender's fault.
    return badRequest('the body is not valid JSON');
  }
}

const badRequest = (message: string) => ({ type: 'refused', code: 'bad_request', message }) as const;

function success(value: unknown, status: number): Response {
  if (status === 204) return new Response(null, { status });
  return Response.json(value, { status });
}
