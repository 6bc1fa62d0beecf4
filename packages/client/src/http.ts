// The HTTP side: one call for each operation of the route table, typed by the operations table.

import { type ErrorCode, errorStatus } from '@hongyan/protocol/codes';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import type { ProblemDetails } from '@hongyan/protocol/problem';
import { badRequest, ClientError } from './client-error.ts';
import { type Route, type RouteName, routes } from './routes.ts';
import { checkWellFormed } from './unicode.ts';

export interface CallOptions {
  /** As ClientOptions.url. */
  readonly url: string;
  readonly token?: string;
  readonly timeoutMs?: number;
}

/** Resolves with the operation's output (undefined for 204); rejects with ClientError. */
export async function call<N extends RouteName>(name: N, input: Input<N>, options: CallOptions): Promise<Output<N>> {
  const { url, token, timeoutMs = 15_000 } = options;
  const { path, method, body } = requestOf(routes[name], input as Fields);
  const headers: Record<string, string> = {};
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    const ask = () =>
      fetch(`${url.replace(/\/$/, '')}${path}`, {
        method,
        headers,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body }),
      });
    // A kept connection may be closed from the other side in the moment it is used again. Once more does no harm to a read.
    response = await (method === 'GET' ? ask().catch(ask) : ask());
    if (response.status === 204) return undefined as Output<N>;
    if (response.ok) return objectOf(await response.json()) as Output<N>;
  } catch (cause) {
    throw new ClientError('unavailable', 'the server cannot be reached: check the address and the network', { cause });
  }
  throw await refusalOf(response);
}

type Fields = Readonly<Record<string, unknown>>;

interface PreparedRequest {
  readonly method: string;
  /** With its query, encoded. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
}

/** Path parameters first; what is left is the query of GET and DELETE, or else the body. Throws ClientError `bad_request`. */
export function requestOf(route: Route, input: Fields): PreparedRequest {
  const [method = '', path = ''] = route.split(' ');
  const left = { ...input };
  const filled = path.replace(/\{(\w+)\}/g, (_braces, name: string) => {
    const value = left[name];
    delete left[name];
    return encoded(name, value);
  });
  if (method === 'GET' || method === 'DELETE') return { method, path: filled + queryOf(left) };
  for (const [name, value] of Object.entries(left)) if (typeof value === 'string') checkWellFormed(name, value);
  return { method, path: filled, ...(Object.keys(left).length === 0 ? {} : { body: JSON.stringify(left) }) };
}

function queryOf(fields: Fields): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${given.map(([name, value]) => `${name}=${encoded(name, value)}`).join('&')}`;
}

function encoded(name: string, value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || text === '') {
    throw badRequest(`${name} is missing: give a string that is not empty`);
  }
  checkWellFormed(name, text);
  return encodeURIComponent(text);
}

/** Every answer of the server is one. */
function objectOf(json: unknown): object {
  if (typeof json !== 'object' || json === null) throw new TypeError('no JSON object');
  return json;
}

async function refusalOf(response: Response): Promise<ClientError> {
  const { status, headers } = response;
  // Without a code a proxy between answered in the server's place.
  const problem = (await response
    .json()
    .then(objectOf)
    .catch(() => ({}))) as Partial<ProblemDetails>;
  const { code, detail, retry_after_ms: given } = problem;
  const toldMs = typeof given === 'number' ? given : undefined;
  const retryAfterMs = toldMs ?? (Number(headers.get('retry-after')) * 1000 || undefined);
  if (code !== undefined && Object.hasOwn(errorStatus, code))
    return new ClientError(code as ErrorCode, detail ?? code, { retryAfterMs });
  return new ClientError(codeOfStatus(status), `the server answered ${status}`, { retryAfterMs });
}

function codeOfStatus(status: number): ErrorCode {
  const match = Object.entries(errorStatus).find(([, value]) => value === status);
  if (match) return match[0] as ErrorCode;
  return status >= 500 ? 'unavailable' : 'bad_request';
}
