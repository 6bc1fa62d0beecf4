// What a client reads from its access token: whose it may be. Only the server verifies the token, and knows the user of another issuer's.

import type { UserId } from '@hongyan/protocol/ids';
import { ClientError } from './client-error.ts';

export interface TokenOwner {
  /** The `sub` of a JWT (RFC 7519). */
  readonly subject: string;
  /** Absent where an identity provider signed it [A3]: the user may be in another claim, or be spelled in another case. */
  readonly userId?: UserId;
}

/** Throws ClientError `unauthorized` for other text. */
export function ownerOf(token: string): TokenOwner {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { sub, iss } = JSON.parse(atob(payload)) as { readonly sub?: unknown; readonly iss?: unknown };
    // The server's own tokens have no issuer.
    if (typeof sub === 'string' && sub !== '')
      return { subject: sub, ...(iss === undefined && { userId: sub as UserId }) };
  } catch (cause) {
    throw new ClientError('unauthorized', 'the token is not a JWT', { cause });
  }
  throw new ClientError('unauthorized', 'the token has no subject (sub)');
}

export const otherUser = (given: string, own: string | undefined): string =>
  `the token is of ${given}: log ${own} out first`;
