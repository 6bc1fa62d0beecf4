// A socket after its welcome: what leaves on it, the requests that wait for an answer, and what keeps it alive.

import type { Clock } from '@hongyan/base/clock';
import type { DownOf } from '@hongyan/protocol/down';
import { ClientError } from './client-error.ts';
import type { WebSocketLike } from './client-options.ts';
import { FrameWriter } from './frame-writer.ts';
import { KeepAlive } from './keep-alive.ts';
import { Requests } from './requests.ts';

export interface OpenSocketOptions {
  readonly socket: WebSocketLike;
  readonly welcome: DownOf<'welcome'>;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  readonly firstRequestId: number;
  /** The server is silent. */
  readonly onDead: (error: ClientError) => void;
}

/** Where the server does not state its limit. */
const frameBytesMaxDefault = 64 * 1024;
const ping = JSON.stringify({ type: 'ping' });

export class OpenSocket {
  readonly requests: Requests;
  readonly keepAlive: KeepAlive;
  readonly #life = new AbortController();
  readonly #socket: WebSocketLike;
  /** Absent when the server takes no bundles. */
  readonly #writer: FrameWriter | undefined;

  constructor({ socket, welcome, clock, requestTimeoutMs, firstRequestId, onDead }: OpenSocketOptions) {
    const { bundles, heartbeat_ms, limits } = welcome;
    const { frame_bytes_max: bytesMax = frameBytesMaxDefault } = limits;
    this.#socket = socket;
    this.#writer = bundles ? new FrameWriter({ send: (text) => socket.send(text), bytesMax }) : undefined;
    this.requests = new Requests({
      clock,
      timeoutMs: requestTimeoutMs,
      firstId: firstRequestId,
      frameBytesMax: limits.frame_bytes_max,
      send: (text) => this.send(text),
      onSilence: onDead,
    });
    this.keepAlive = new KeepAlive({
      clock,
      intervalMs: heartbeat_ms,
      ping: () => this.send(ping),
      onSilence: () => onDead(new ClientError('unavailable', 'the server is silent')),
    });
  }

  /** `frame` is JSON. */
  send(frame: string): void {
    this.keepAlive.sent();
    if (this.#writer) this.#writer.write(frame);
    else this.#socket.send(frame);
  }

  /** Aborted at the end, with its error. */
  get signal(): AbortSignal {
    return this.#life.signal;
  }

  /** Frames that wait for the end of the turn leave; waiting requests reject, and those that wait for their rate. */
  end(error: ClientError): void {
    this.#life.abort(error);
    this.#writer?.flush();
    this.keepAlive.stop();
    this.requests.rejectAll(error);
  }
}
