// Every error code and close code, and how the client reacts. No dependency: the client library imports it.

/** Error code → HTTP status; the same codes travel in `error` frames and in problem+json bodies. */
export const errorStatus = {
  bad_request: 400,
  unauthorized: 401,
  token_revoked: 401,
  forbidden: 403,
  not_member: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
  overloaded: 503,
  unknown_outcome: 504,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/** WebSocket close codes. 4000–4099 reconnect now and catch up, 4100–4199 back off first, 4200–4299 do not reconnect. */
export const closeCode = {
  going_away: 4000,
  slow_consumer: 4001,
  idle: 4002,
  overloaded: 4100,
  rate_limited: 4101,
  unauthorized: 4200,
  token_revoked: 4201,
  protocol_error: 4202,
  replaced: 4203,
} as const;

export type CloseReason = keyof typeof closeCode;

export type CloseAction = 'reconnect' | 'back_off' | 'stop';

/** What a client does after its connection closed with `code`. Codes outside 4000–4299 (network loss, proxies) back off. */
export function closeAction(code: number): CloseAction {
  if (code >= 4000 && code <= 4099) return 'reconnect';
  if (code >= 4200 && code <= 4299) return 'stop';
  return 'back_off';
}

/** Whether the unchanged request may be retried. Sends are idempotent by client_msg_id [D3]. */
export function isRetryable(code: ErrorCode): boolean {
  return ['rate_limited', 'internal', 'unavailable', 'overloaded', 'unknown_outcome'].includes(code);
}
