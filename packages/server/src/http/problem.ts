// Errors over HTTP: RFC 9457 problem details with the error code of the protocol.

import { errorStatus } from '@hongyan/protocol/codes';
import type { ProblemDetails } from '@hongyan/protocol/problem';
import { type Problem, refusal } from '@hongyan/protocol/refusals';
import { setRateLimit } from './rate-limit-headers.ts';

export function problemResponse(problem: Problem): Response {
  const { code, message } = problem;
  const status = errorStatus[code];
  const retryAfterMs = 'retryAfterMs' in problem ? problem.retryAfterMs : undefined;
  const body: ProblemDetails = {
    ...{ type: 'about:blank', title: titleOf(code), status, detail: message, code },
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  };
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000));
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  const response = new Response(JSON.stringify(body), { status, headers });
  if (problem.type === 'refused' && problem.quota) setRateLimit(response.headers, problem.quota, retryAfterMs);
  return response;
}

/** For an address that exists with other methods. GET includes HEAD. */
export function methodNotAllowed(methods: readonly string[], further: readonly string[] = []): Response {
  const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), ...further].join(', ');
  const { code, message } = refusal.invalid(`this address accepts ${allowed}`);
  const body: ProblemDetails = { type: 'about:blank', title: 'Method not allowed', status: 405, detail: message, code };
  return Response.json(body, { status: 405, headers: { 'content-type': 'application/problem+json', allow: allowed } });
}

/** "not_found" → "Not found". */
export function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
