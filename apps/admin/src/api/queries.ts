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
    defaultOptions: {
      // Always: a browser that takes itself for offline would show old values as new ones, and make changes hours later.
      queries: {
        networkMode: 'always',
        retry: shouldRetry,
        refetchInterval: whileUnanswered,
        refetchOnWindowFocus: true,
      },
      mutations: { networkMode: 'always' },
    },
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
  });
  return queries;
}

export const isSignedOut = (error: unknown): boolean => error instanceof OperatorError && error.status === 401;

/** Two further tries at once; not of what was waited for long enough, which is asked for again anyway. */
const shouldRetry = (failures: number, error: unknown): boolean =>
  failures < 2 && isPassing(error) && error.code !== 'timeout';

/** Of what is asked for once: until there is an answer. */
const whileUnanswered = ({ state }: { readonly state: { readonly error: unknown } }): number | false =>
  isPassing(state.error) ? refetchMs : false;

/** A refusal stays one; what got no answer, or a 5xx, may get another answer. */
const isPassing = (error: unknown): error is OperatorError =>
  error instanceof OperatorError && (error.status === 0 || error.status >= 500);
