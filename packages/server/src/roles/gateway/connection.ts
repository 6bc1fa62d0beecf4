// One WebSocket on the server's side: its state, and the frames waiting to leave together.

import type { CloseReason } from '@hongyan/protocol/codes';
import { closeCode } from '@hongyan/protocol/codes';
import type { Down } from '@hongyan/protocol/down';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { ServerWebSocket } from 'bun';
import type { Actor } from '../../ports/core/core.ts';
import type { Interest } from './interest.ts';

export type ConnectionState =
  /** `token` came with the upgrade request. Nothing but a hello ends the wait for one. */
  | { readonly type: 'awaiting_hello'; readonly token: string | undefined; readonly sinceMs: number }
  /** The hello's token is being checked; frames that follow it closely wait in `early`. */
  | { readonly type: 'checking'; readonly early: string[] }
  /** The core is asked to open the session. What the bus brings meanwhile is for it already, but waits for the welcome. */
  | {
      readonly type: 'opening';
      readonly early: string[];
      readonly actor: Actor;
      readonly sessionId: string;
      /** Conversations joined (true) and left (false) since the core was asked. */
      readonly changes: Map<ConversationId, boolean>;
    }
  | { readonly type: 'open'; readonly actor: Actor; readonly sessionId: string; readonly expiresAtMs: number }
  | { readonly type: 'closed' };

export type Socket = ServerWebSocket<Connection>;

/** Kept small: there may be a hundred thousand of these. Times are monotonic: a step of the wall clock makes nobody silent. */
export class Connection {
  state: ConnectionState;
  lastHeardMs: number;
  /** Requests whose answer is not out yet. */
  inFlight = 0;
  /** When a close was asked for; a socket that does not close by itself is cut at the next sweep. */
  closingSinceMs = 0;
  watched: Set<string> | undefined;
  followed: Interest[] = [];
  #pending: string[] | undefined;

  constructor(token: string | undefined, nowMs: number) {
    this.state = { type: 'awaiting_hello', token, sinceMs: nowMs };
    this.lastHeardMs = nowMs;
  }

  /** True when this is the first frame waiting: the caller then arranges the flush. */
  queue(frame: string): boolean {
    if (this.#pending) {
      this.#pending.push(frame);
      return false;
    }
    this.#pending = [frame];
    return true;
  }

  /** Everything queued, in order, or undefined. */
  take(): string[] | undefined {
    const frames = this.#pending;
    this.#pending = undefined;
    return frames;
  }
}

export function closeSocket(socket: Socket, reason: CloseReason, nowMs: number): void {
  const connection = socket.data;
  if (connection.closingSinceMs === 0) connection.closingSinceMs = nowMs;
  socket.close(closeCode[reason], reason);
}

export const encodeDown = (frame: Down): string => JSON.stringify(frame);
