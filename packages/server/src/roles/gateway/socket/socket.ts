// The members of Bun's socket and server that the gateway uses; tests have fakes.

import type { LogFields } from '@hongyan/base/log';
import { type CloseReason, closeCode } from '@hongyan/protocol/codes';
import type { Connection } from './connection.ts';

export interface Socket {
  readonly data: Connection;
  /** As in browsers: 1 = open. */
  readonly readyState: number;
  send(text: string): unknown;
  close(code: number, reason: string): void;
  /** Ends the connection without a close frame, and frees its unread output. */
  terminate(): void;
  /** Messages sent within `run` share one write. */
  cork(run: () => void): unknown;
  ping(): unknown;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  isSubscribed(topic: string): boolean;
  /** Bytes that were sent, and not accepted by the kernel yet. */
  getBufferedAmount(): number;
}

export interface Publisher {
  /** Sends the same bytes to every socket that is subscribed to the topic. */
  publish(topic: string, text: string): unknown;
}

export const openState = 1;

/** Does nothing when the connection is closing or closed. */
export function closeSocket(socket: Socket, reason: CloseReason, nowMs: number): void {
  const { state } = socket.data;
  if (state.type === 'closing' || state.type === 'closed') return;
  const caller = state.type === 'open' ? state.caller : undefined;
  socket.data.state = { type: 'closing', sinceMs: nowMs, reason, caller };
  socket.close(closeCode[reason], reason);
}

/** Identifies a connection in the log. */
export function logFieldsOf({ data: { number, state } }: Socket): LogFields {
  const caller = 'caller' in state ? state.caller : undefined;
  return { connection: number, ...(caller ? { userId: caller.userId, deviceId: caller.deviceId } : {}) };
}
