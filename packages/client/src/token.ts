// What a client reads from its access token: the user. Only the server verifies the token.

import type { UserId } from '@hongyan/protocol/ids';
import { ClientError } from './client-error.ts';

/** The `sub` of a JWT (RFC 7519); throws ClientError `unauthorized` for other text. */
export function userIdOf(token: string): UserId {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { sub } = JSON.parse(atob(payload)) as { readonly sub?: unknown };
    if (typeof sub === 'string' && sub !== '') return sub as UserId;
  } catch (cause) {
    throw new ClientError('unauthorized', 'the token is not a JWT', { cause });
  }
  throw new ClientError('unauthorized', 'the token has no subject (sub)');
}
