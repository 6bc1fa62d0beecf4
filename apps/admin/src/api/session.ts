// The session of this browser: a cookie that the server sets for the operator token and that no script can read.

import { queryOptions } from '@tanstack/react-query';
import { ask, OperatorError } from './operator-api.ts';

/** `ended`: the server refused the cookie of a session that this page was in. */
export type SessionStand = 'signed in' | 'signed out' | 'ended';

/** Each question that is refused with 401 ends it: see queries.ts. */
export const SessionState = {
  key: ['session'] as const,
  query: queryOptions({ queryKey: ['session'], queryFn: readStand, staleTime: Number.POSITIVE_INFINITY }),
};

export const signIn = (token: string): Promise<void> => ask('admin/v1/session', { method: 'POST', body: { token } });
export const signOut = (): Promise<void> => ask('admin/v1/session', { method: 'DELETE' });

/** The cookie cannot be read here: something that needs it is asked for. */
async function readStand({ signal }: { readonly signal: AbortSignal }): Promise<SessionStand> {
  try {
    await ask('admin/v1/profiles', { signal });
    return 'signed in';
  } catch (error) {
    if (error instanceof OperatorError && error.status === 401) return 'signed out';
    throw error;
  }
}
