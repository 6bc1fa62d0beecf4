// The source of a request: an open connection for all its requests, or one HTTP request.

import type { Quota } from '@hongyan/protocol/refusals';
import type { Caller, DeviceCaller, SignedCaller } from '../../ports/core/core.ts';
import type { ClientAddress } from './client-address.ts';

export type Sender = ConnectionSender | HttpSender;

/** Counts the requests that share one bound: those of a connection, or those of a user over HTTP. */
export interface InFlightCounter {
  inFlight: number;
}

export interface ConnectionSender extends ClientAddress, InFlightCounter {
  readonly type: 'connection';
  /** For the log. */
  readonly number: number;
  /** Set while the session is open. */
  readonly caller: DeviceCaller | undefined;
}

export interface HttpSender extends ClientAddress {
  readonly type: 'http';
  /** The bearer token. */
  readonly token: string | undefined;
  /** The Hongyan-User header: the user on whose behalf a back end sends the request. */
  readonly asUser: string | null;
  readonly signature: Signature | undefined;
  /** The Host header: the address at which the client reached this server. */
  readonly host: string | null;
  /** The traceparent header. Frames have none: a request of a device starts a new trace. */
  readonly traceparent: string | undefined;
  /** Set by the rate limit, where there is one; the response reports it. */
  quota?: Quota | undefined;
}

/** A connection that sent its hello and is not authenticated yet. */
export interface HelloSender extends ClientAddress {
  readonly type: 'hello';
  readonly token: string;
}

/** Made with an API key. The core verifies it, because the core stores the keys. */
export interface Signature extends Omit<SignedCaller, keyof ClientAddress | 'trace' | 'body'> {
  /** Set when the body was read. */
  body: string;
}

/** What a sender proved to be. */
export type AuthenticatedCaller = Caller | DeviceCaller;
