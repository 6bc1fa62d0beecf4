// What a connection whose hello was not let in is closed with: it tells the client whether to come back.

import type { CloseReason } from '@hongyan/protocol/codes';
import type { Result } from '@hongyan/protocol/refusals';

export function closeReasonOf({ code }: Exclude<Result<never>, { type: 'ok' }>): CloseReason {
  switch (code) {
    case 'unauthorized':
    case 'token_revoked':
    case 'rate_limited':
      return code;
    // What it came with opens no connection: asking again changes nothing.
    case 'forbidden':
      return 'unauthorized';
    case 'unavailable':
      return 'going_away';
    default:
      return 'overloaded';
  }
}
