// The options of createClient.

import type { DeviceId } from '@hongyan/protocol/ids';
import type { ClientStorage } from './client-storage.ts';

export interface ClientOptions {
  /** http(s) base address of the server, e.g. "https://chat.example.com"; "" in a browser = the page's own origin. */
  readonly url: string;
  /**
   * Called at every connect and request, so that it can return a fresh token. If it rejects with ClientError `unauthorized`, because
   * no user is signed in, the client closes. After any other rejection the client retries later.
   */
  readonly token: () => string | Promise<string>;
  /** Default: memory. In browsers use createIndexedDbStorage(name): tabs that share one are one device with one connection. */
  readonly storage?: ClientStorage;
  /** Default: the id in the storage, else a random one that is stored there. */
  readonly deviceId?: DeviceId;
  /** Upper limit of messages in the outbox; beyond it a send rejects with `overloaded`. Default 10,000. */
  readonly outboxMax?: number;
  /** A connection counts as dead after a request was unanswered for this long. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** Name of the device in the user's list of devices, e.g. "Shop app on Android". */
  readonly clientName?: string;
  /** For runtimes without a global WebSocket, such as Node before 22. Tabs then share no connection. */
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
