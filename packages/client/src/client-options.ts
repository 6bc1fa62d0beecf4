// What a client is made with.

import type { DeviceId } from '@hongyan/protocol/ids';
import type { ClientStorage } from './client-storage.ts';

export interface ClientOptions {
  /** http(s) base address of the server, e.g. "https://chat.example.com"; "" in a browser = the page's own origin. */
  readonly url: string;
  /**
   * Called at every connect and request, so that it can return a fresh token. Reject with ClientError `unauthorized` when no user
   * is signed in: that closes the client. After any other rejection the client tries again later.
   */
  readonly token: () => string | Promise<string>;
  /** Default: memory. createIndexedDbStorage(name) in browsers, where tabs that share one are one device with one connection. */
  readonly storage?: ClientStorage;
  /** Default: from the storage, else random and kept there. */
  readonly deviceId?: DeviceId;
  /** Messages in the outbox; above it a send rejects with `overloaded`. Default 10,000. */
  readonly outboxMax?: number;
  /** A connection on which a request has had no answer for this long is dead. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** The name of the device that its user sees, e.g. "Shop app on Android". */
  readonly clientName?: string;
  /** Where the runtime has no global WebSocket: Node before 22. With it, tabs do not share a connection. */
  readonly webSocket?: WebSocketConstructor;
}

export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** The part of the WebSocket standard that the client uses. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}
