// The part of the event-log port that remembers webhooks: endpoints, how far each has come, and what happened to its deliveries.

import type { EventType } from '@hongyan/protocol/events';
import type { Claim } from './claims.ts';

export interface Endpoint {
  readonly id: string;
  readonly url: string;
  /** Empty: all. */
  readonly types: readonly EventType[];
  readonly secret: string;
  /** While a secret rotates: signs beside the new one until then. */
  readonly oldSecret?: { readonly secret: string; readonly untilMs: number } | undefined;
  readonly isEnabled: boolean;
  /** Why it is not enabled. */
  readonly disabledReason: string;
  readonly createdAtMs: number;
  readonly progress: Progress;
}

export interface Progress {
  /** Every event up to it was delivered, is parked, or is a dead letter. */
  readonly cursor: number;
  /** Failures since the last success. */
  readonly failures: number;
  /** Of the first of them; 0 when there is none. */
  readonly failingSinceMs: number;
  /** No request before it: the receiver asked for that, or does not answer. 0: at once. */
  readonly pausedUntilMs: number;
}

export type EndpointChange = Partial<
  Pick<Endpoint, 'url' | 'types' | 'secret' | 'oldSecret' | 'isEnabled' | 'disabledReason'>
>;

/** An event behind the cursor that is not delivered yet: its attempts failed, or it waits behind one of its lane whose did. */
export interface Parked {
  readonly position: number;
  readonly lane: string;
  readonly attempts: number;
  /** Not before it. */
  readonly nextMs: number;
}

export interface Attempt {
  readonly position: number;
  readonly eventId: string;
  readonly type: EventType;
  readonly atMs: number;
  readonly durationMs: number;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  /** Empty when it was delivered. */
  readonly error: string;
}

export interface DeadLetter {
  readonly position: number;
  readonly eventId: string;
  readonly type: EventType;
  readonly lane: string;
  readonly attempts: number;
  readonly error: string;
  readonly atMs: number;
}

/** What happened to deliveries of one endpoint since the last settlement. */
export interface Settlement {
  readonly endpointId: string;
  /** Of sending for the endpoint. */
  readonly claim: Claim;
  readonly progress: Progress;
  /** Added, or replaced by position. */
  readonly parked: readonly Parked[];
  /** No longer parked. */
  readonly unparked: readonly number[];
  readonly attempts: readonly Attempt[];
  readonly dead: readonly DeadLetter[];
}

/**
 * A change of endpoints, a replay included, MUST be durable when it resolves, and MUST end the claim of whoever sends for the endpoint:
 * what goes on begins with what was changed. A settlement need only survive kill -9, since deliveries are at least once; it MUST be
 * refused as ClaimLost when its claim has ended.
 */
export interface Webhooks {
  endpoints(): Promise<readonly Endpoint[]>;
  addEndpoint(endpoint: Endpoint): Promise<void>;
  /** false when there is none. */
  changeEndpoint(endpointId: string, change: EndpointChange): Promise<boolean>;
  /** With all that is remembered of it. */
  removeEndpoint(endpointId: string): Promise<boolean>;
  /** Events after `after` are delivered again; those that were parked before it still are. */
  replay(endpointId: string, after: number): Promise<boolean>;
  /** Parks dead letters again (all, or the one at `position`) and returns how many. */
  replayDead(request: {
    readonly endpointId: string;
    readonly position?: number | undefined;
    readonly nowMs: number;
  }): Promise<number>;
  settle(settlement: Settlement): Promise<void>;
  /** Of a settlement that was refused: what was attempted is worth knowing, whoever sends by now. */
  noteAttempts(endpointId: string, attempts: readonly Attempt[]): Promise<void>;
  /** Ascending by position. */
  parked(endpointId: string): Promise<readonly Parked[]>;
  /** The last ones, newest first. */
  attempts(endpointId: string, limit: number): Promise<readonly Attempt[]>;
  deadLetters(endpointId: string, limit: number): Promise<readonly DeadLetter[]>;
  counts(endpointId: string): Promise<{ readonly parked: number; readonly dead: number }>;
  /**
   * Calls `heard` with the id of each endpoint that this process added, changed or removed, when that is durable. What other processes
   * change is seen by looking. Returns what ends it.
   */
  onEndpointChanged(heard: (endpointId: string) => void): () => void;
}
