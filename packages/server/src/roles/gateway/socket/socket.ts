// What the WebSocket door uses of a socket and of the server that publishes to sockets. Bun's have these members; tests have fakes.

import { type CloseReason, closeCode } from '@hongyan/protocol/codes';
import type { Connection } from './connection.ts';

export interface Socket {
  readonly data: Connection;
  /** As in browsers: 1 = open. */
  readonly readyState: number;
  send(text: string): unknown;
  close(code: number, reason: string): void;
  /** Ends the connection without a close frame and frees what it has not read. */
  terminate(): void;
  /** What is sent within `run` leaves in one write. */
  cork(run: () => void): unknown;
  ping(): unknown;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  isSubscribed(topic: string): boolean;
  /** Bytes that were sent and not yet taken by the kernel. */
  getBufferedAmount(): number;
}

export interface Publisher {
  /** The same bytes to every socket that is subscribed to the topic. */
  publish(topic: string, text: string): unknown;
}

export const openState = 1;

/** Closing a connection that is closing or closed changes nothing. */
export function closeSocket(socket: Socket, reason: CloseReason, nowMs: number): void {
  const { state } = socket.data;
  if (state.type === 'closing' || state.type === 'closed') return;
  const caller = state.type === 'open' ? state.caller : undefined;
  socket.data.state = { type: 'closing', sinceMs: nowMs, reason, caller };
  socket.close(closeCode[reason], reason);
}
