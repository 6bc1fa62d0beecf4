// The connections of one process: /debug/connections lists them page by page, and a session can be closed.

import { done, ok } from '@hongyan/base/result';
import { refusal } from '@hongyan/protocol/refusals';
import type { OperatorRoute } from './route.ts';

/** A connection as an operator sees it: nothing of what its user writes, and no token. */
export interface ConnectionView {
  /** Of this process; the log names it. */
  readonly connection: number;
  readonly state: string;
  readonly address: string;
  readonly user_id?: string;
  readonly device_id?: string;
  readonly session_id?: string;
  readonly silent_ms: number;
  readonly in_flight: number;
  readonly unread_bytes: number;
  readonly followed: number;
}

export interface ConnectionsRequest {
  /** Those numbered higher. */
  readonly after: number;
  readonly limit: number;
  readonly userId?: string;
}

export interface Connections {
  list(request: ConnectionsRequest): readonly ConnectionView[];
  /** Its client comes back by itself, unless its token was revoked. false when this process has no such session. */
  closeSession(sessionId: string): boolean;
}

const limitDefault = 100;
const limitMax = 1_000;

export const connectionsRoute = (connections: Connections): OperatorRoute => ({
  method: 'GET',
  path: '/debug/connections',
  handle({ query }) {
    const after = Number(query.get('after') ?? 0);
    const limit = Number(query.get('limit') ?? limitDefault);
    if (!Number.isInteger(after) || after < 0)
      return refusal.invalid('after must be the "next" value of the previous page');
    if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
      return refusal.invalid(`limit must be a whole number from 1 to ${limitMax}`);
    const userId = query.get('user_id');
    const page = connections.list({ after, limit, ...(userId === null ? {} : { userId }) });
    const next = page.length < limit ? undefined : page.at(-1)?.connection;
    return ok({ connections: page, ...(next === undefined ? {} : { next }) });
  },
});

/** [O34] By the id of the session: the number of a connection is another one's after a restart. */
export const closeSessionRoute = (connections: Connections): OperatorRoute => ({
  method: 'POST',
  path: '/debug/sessions/:session_id/close',
  handle: ({ params: { session_id: sessionId = '' } }) =>
    connections.closeSession(sessionId)
      ? done
      : refusal.noSuch(`open session ${sessionId.slice(0, 64)} in this process`),
});
