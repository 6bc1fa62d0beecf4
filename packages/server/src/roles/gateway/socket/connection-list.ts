// Lists the connections of this process for operators.

import type { Connection } from './connection.ts';
import type { Socket } from './socket.ts';

export interface ConnectionsPage {
  /** Lists connections with a higher number. */
  readonly after: number;
  readonly limit: number;
  readonly userId?: string;
  readonly nowMs: number;
}

/** `sockets` MUST be in the order of their numbers. */
export function listConnections(sockets: Iterable<Socket>, { after, limit, userId, nowMs }: ConnectionsPage) {
  const views: ReturnType<typeof viewOf>[] = [];
  for (const socket of sockets) {
    if (views.length >= limit) break;
    if (socket.data.number <= after) continue;
    if (userId !== undefined && callerOf(socket.data)?.userId !== userId) continue;
    views.push(viewOf(socket, nowMs));
  }
  return views;
}

function viewOf(socket: Socket, nowMs: number) {
  const { data } = socket;
  const caller = callerOf(data);
  return {
    connection: data.number,
    state: data.state.type,
    address: data.address,
    ...(caller ? { user_id: caller.userId, device_id: caller.deviceId, session_id: caller.sessionId } : {}),
    silent_ms: Math.round(nowMs - data.lastHeardMs),
    in_flight: data.inFlight,
    unread_bytes: socket.getBufferedAmount(),
    followed: data.followed.length,
  };
}

const callerOf = ({ state }: Connection) => ('caller' in state ? state.caller : undefined);
