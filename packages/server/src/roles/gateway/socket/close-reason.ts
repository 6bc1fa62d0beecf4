// The close reason of a refused hello: it determines whether the client reconnects.

import type { CloseReason } from '@hongyan/protocol/codes';
import type { Result } from '@hongyan/protocol/refusals';

export function closeReasonOf({ code }: Exclude<Result<never>, { type: 'ok' }>): CloseReason {
  switch (code) {
    case 'unauthorized':
    case 'token_revoked':
    case 'rate_limited':
      return code;
    // This credential cannot open a connection, so a retry would fail too.
    case 'forbidden':
      return 'unauthorized';
    case 'unavailable':
      return 'going_away';
    default:
      return 'overloaded';
  }
}
