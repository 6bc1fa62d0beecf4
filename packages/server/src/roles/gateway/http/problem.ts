// Errors over HTTP: RFC 9457 problem details that carry the wire's error code.

import { type ErrorCode, errorStatus } from '@hongyan/protocol/codes';
import type { Problem } from '@hongyan/protocol/http';
import type { Refusal } from '../../../ports/core/core.ts';

const titles: Partial<Record<ErrorCode, string>> = { unauthorized: 'Unauthorized', token_revoked: 'Token revoked' };

export function problem({ code, message, retryAfterMs }: Omit<Refusal, 'type'>): Response {
  const status = errorStatus[code];
  const body: Problem = {
    type: 'about:blank',
    title: titles[code] ?? code.replaceAll('_', ' '),
    status,
    detail: message,
    code,
  };
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000));
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return new Response(JSON.stringify(body), { status, headers });
}
