// Webhooks, a part of the event-log port: endpoints, their delivery progress, and their attempts and dead letters.

import type { EventType } from '@hongyan/protocol/events';
import type { Claim } from './claims.ts';

export interface Endpoint {
  readonly id: string;
  readonly url: string;
  /** Empty: all types. */
  readonly types: readonly EventType[];
  readonly secret: string;
  /** During a rotation: the previous secret, which also signs requests until `untilMs`. */
  readonly oldSecret?: { readonly secret: string; readonly untilMs: number } | undefined;
  readonly isEnabled: boolean;
  /** The reason when it is disabled. */
  readonly disabledReason: string;
  readonly createdAtMs: number;
  readonly progress: Progress;
}

export interface Progress {
  /** Every event up to this position was delivered, is parked, or is a dead letter. */
  readonly cursor: number;
  /** The number of failures since the last success. */
  readonly failures: number;
  /** When the first of these failures happened, Unix ms; 0 when there is none. */
  readonly failingSinceMs: number;
  /** No request is sent before this time: the receiver requested a pause, or does not respond. 0: no pause. */
  readonly pausedUntilMs: number;
}

export type EndpointChange = Partial<
  Pick<Endpoint, 'url' | 'types' | 'secret' | 'oldSecret' | 'isEnabled' | 'disabledReason'>
>;

/** An event before the cursor that is not delivered yet: its attempts failed, or it waits for an earlier event of its lane. */
export interface Parked {
  readonly position: number;
  readonly lane: string;
  readonly attempts: number;
  /** The earliest time of the next attempt, Unix ms. */
  readonly nextMs: number;
}

export interface Attempt {
  readonly position: number;
  readonly eventId: string;
  readonly type: EventType;
  readonly atMs: number;
  readonly durationMs: number;
  /** HTTP status; 0 without a response. */
  readonly status: number;
  /** Empty when the event was delivered. */
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

/** The changes of an endpoint's deliveries since the last settlement. */
export interface Settlement {
  readonly endpointId: string;
  /** The claim of the endpoint's `sendJob`. */
  readonly claim: Claim;
  readonly progress: Progress;
  /** Added or replaced, by position. */
  readonly parked: readonly Parked[];
  /** The positions of events that are no longer parked. */
  readonly unparked: readonly number[];
  readonly attempts: readonly Attempt[];
  readonly dead: readonly DeadLetter[];
}

/**
 * Changes of endpoints, including replays, MUST be durable when they resolve. They MUST end the claim of the endpoint, so that the
 * next sender starts with the changed state.
 *
 * A settlement MUST survive kill -9, but a loss of power may undo it, because deliveries are at least once. It MUST reject with
 * ClaimLost, and store nothing, when its claim has ended.
 */
export interface Webhooks {
  endpoints(): Promise<readonly Endpoint[]>;
  addEndpoint(endpoint: Endpoint): Promise<void>;
  /** false when the endpoint does not exist. */
  changeEndpoint(endpointId: string, change: EndpointChange): Promise<boolean>;
  /** Also removes its parked events, attempts and dead letters. false when the endpoint does not exist. */
  removeEndpoint(endpointId: string): Promise<boolean>;
  /** Delivers the events after `after` again. Earlier parked events stay parked. false when the endpoint does not exist. */
  replay(endpointId: string, after: number): Promise<boolean>;
  /** Parks dead letters again: all, or the one at `position`. Returns their number. */
  replayDead(request: {
    readonly endpointId: string;
    readonly position?: number | undefined;
    readonly nowMs: number;
  }): Promise<number>;
  settle(settlement: Settlement): Promise<void>;
  /** Stores the attempts of a rejected settlement, for operators. It needs no claim. */
  recordAttempts(endpointId: string, attempts: readonly Attempt[]): Promise<void>;
  /** Ascending by position. */
  parked(endpointId: string): Promise<readonly Parked[]>;
  /** The last attempts, newest first. */
  attempts(endpointId: string, limit: number): Promise<readonly Attempt[]>;
  deadLetters(endpointId: string, limit: number): Promise<readonly DeadLetter[]>;
  counts(endpointId: string): Promise<{ readonly parked: number; readonly dead: number }>;
  /**
   * Calls `listener` with the id of each endpoint that this process added, changed or removed, once the change is durable. Changes by
   * other processes are not reported. Returns a function that removes the listener.
   */
  onEndpointChanged(listener: (endpointId: string) => void): () => void;
}
