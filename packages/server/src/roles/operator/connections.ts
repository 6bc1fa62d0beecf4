// /debug/connections: the connections of one process, page by page.

import { ok } from '@hongyan/base/result';
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

export type ListConnections = (request: ConnectionsRequest) => readonly ConnectionView[];

const limitDefault = 100;
const limitMax = 1_000;

export const connectionsRoute = (list: ListConnections): OperatorRoute => ({
  method: 'GET',
  path: '/debug/connections',
  handle({ query }) {
    const after = Number(query.get('after') ?? 0);
    const limit = Number(query.get('limit') ?? limitDefault);
    if (!Number.isInteger(after) || after < 0) return refusal.invalid('after is the "next" of the page before');
    if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
      return refusal.invalid(`limit is a whole number from 1 to ${limitMax}`);
    const userId = query.get('user_id');
    const connections = list({ after, limit, ...(userId === null ? {} : { userId }) });
    const next = connections.length < limit ? undefined : connections.at(-1)?.connection;
    return ok({ connections, ...(next === undefined ? {} : { next }) });
  },
});
