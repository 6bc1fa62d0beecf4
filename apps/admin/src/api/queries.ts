// How all pages fetch: what they show is asked for again while they are looked at, and an ended session leads to the sign-in page.

import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { OperatorError } from './operator-api.ts';
import { type SessionStand, SessionState } from './session.ts';

/** Tables that change slowly; a chart names its own. */
export const refetchMs = 5_000;

export function createQueries(): QueryClient {
  function onError(error: unknown): void {
    if (!isSignedOut(error)) return;
    // What was asked before a sign-out may be refused after it: that session did not end by itself.
    queries.setQueryData(SessionState.key, (stand?: SessionStand) => (stand === 'signed in' ? 'ended' : stand));
  }
  const queries: QueryClient = new QueryClient({
    defaultOptions: { queries: { retry: shouldRetry, refetchOnWindowFocus: true } },
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
  });
  return queries;
}

export const isSignedOut = (error: unknown): boolean => error instanceof OperatorError && error.status === 401;

/** A refusal stays one; only what got no answer, or a 5xx, is worth two further tries. */
function shouldRetry(failures: number, error: unknown): boolean {
  if (!(error instanceof OperatorError)) return false;
  return failures < 2 && (error.status === 0 || error.status >= 500);
}
