// What a client may read from its access token: whose it is. The server alone checks it.

import type { UserId } from '@hongyan/protocol/ids';
import { ClientError } from './client-error.ts';

/** The `sub` of a JWT (RFC 7519); rejects what is not one. */
export function userIdOf(token: string): UserId {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { sub } = JSON.parse(atob(payload)) as { readonly sub?: unknown };
    if (typeof sub === 'string' && sub !== '') return sub as UserId;
  } catch (cause) {
    throw new ClientError('unauthorized', 'the token is not a JWT', { cause });
  }
  throw new ClientError('unauthorized', 'the token does not say whose it is');
}
