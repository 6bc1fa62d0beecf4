// The HTTP side: signing up, logging in, and the requests that need no socket.

import type { ErrorCode } from '@hongyan/protocol/codes';
import { errorStatus } from '@hongyan/protocol/codes';
import type { AuthResult, Problem } from '@hongyan/protocol/http';
import { ClientError, toClientError } from './client-error.ts';

export interface Credentials {
  /** As ClientOptions.url. */
  readonly url: string;
  readonly userId: string;
  readonly password: string;
}

/** Rejects with ClientError `unauthorized` for a wrong user id or password. */
export function login({ url, userId, password }: Credentials): Promise<AuthResult> {
  const body = { user_id: userId, password };
  return request<AuthResult>({ url, method: 'POST', path: '/v1/auth/login', body });
}

/** Rejects with ClientError `conflict` for a taken id, `forbidden` where sign-up is switched off. */
export function signup(account: Credentials & { readonly displayName?: string }): Promise<AuthResult> {
  const { url, userId, password, displayName } = account;
  const body = { user_id: userId, password, ...(displayName ? { display_name: displayName } : {}) };
  return request<AuthResult>({ url, method: 'POST', path: '/v1/auth/signup', body });
}

export interface HttpRequest {
  readonly url: string;
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** With encoded parameters. */
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

/** Resolves with the parsed body (undefined for 204); rejects with ClientError. */
export async function request<T>({
  url,
  method = 'GET',
  path,
  token,
  body,
  timeoutMs = 15_000,
}: HttpRequest): Promise<T> {
  const headers: Record<string, string> = {};
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(`${url.replace(/\/$/, '')}${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  } catch (cause) {
    throw new ClientError('unavailable', 'the server cannot be reached', { cause });
  }
  throw await refusalOf(response);
}

async function refusalOf(response: Response): Promise<ClientError> {
  const retryAfterS = Number(response.headers.get('retry-after'));
  const more = retryAfterS > 0 ? { retryAfterMs: retryAfterS * 1000 } : {};
  try {
    const problem = (await response.json()) as Partial<Problem>;
    if (problem.code !== undefined && problem.code in errorStatus) {
      return new ClientError(problem.code as ErrorCode, problem.detail ?? problem.code, more);
    }
  } catch (error) {
    // Not our server's words: a proxy in between answered.
    return new ClientError(codeOfStatus(response.status), `the server answered ${response.status}`, {
      ...more,
      cause: toClientError(error),
    });
  }
  return new ClientError(codeOfStatus(response.status), `the server answered ${response.status}`, more);
}

function codeOfStatus(status: number): ErrorCode {
  const known = Object.entries(errorStatus).find(([, value]) => value === status);
  if (known) return known[0] as ErrorCode;
  return status >= 500 ? 'unavailable' : 'bad_request';
}
