// The administration of webhooks, for operators and for back ends with an API key.

import type { EventType } from '@hongyan/protocol/events';
import type { Result } from '@hongyan/protocol/refusals';
import type { Attempt, DeadLetter, Endpoint, EndpointChange } from './webhooks.ts';

export interface NewEndpoint {
  readonly url: string;
  readonly types: readonly EventType[];
  /** A secret that the receiver knows already. Default: a new secret. */
  readonly secret?: string | undefined;
}

/** An endpoint with its counters. Callers must not show its secrets. */
export interface EndpointView {
  readonly endpoint: Endpoint;
  /** The number of events after its cursor, of all types. */
  readonly behind: number;
  readonly parked: number;
  readonly dead: number;
}

export interface TestDelivery {
  readonly type: 'delivered' | 'gone' | 'failed';
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  readonly error?: string | undefined;
  readonly durationMs: number;
}

/** URLs that the outbound port rejects MUST be rejected here. Changes MUST be durable, and in effect, when they resolve. */
export interface WebhookAdministration {
  list(): Promise<readonly EndpointView[]>;
  get(endpointId: string): Promise<Result<EndpointView>>;
  /** Events after this call are delivered. Only this response contains the secret. */
  add(endpoint: NewEndpoint): Promise<Result<Endpoint>>;
  /** Changes the URL or the types, enables or disables. An endpoint that is enabled again continues at its cursor. */
  change(endpointId: string, change: Pick<EndpointChange, 'url' | 'types' | 'isEnabled'>): Promise<Result<undefined>>;
  /** Replaces the secret. For `overlapMs` requests carry signatures of both the old and the new secret. */
  rotate(
    endpointId: string,
    rotation: { readonly overlapMs: number; readonly secret?: string | undefined },
  ): Promise<Result<{ readonly secret: string }>>;
  remove(endpointId: string): Promise<Result<undefined>>;
  /** [W9] Delivers all events after `after` again; without it, all retained events. */
  replay(endpointId: string, after: string | undefined): Promise<Result<undefined>>;
  /** [W9] Delivers dead letters again, with all attempts: all of them, or the one at position `at`. */
  replayDead(endpointId: string, at: string | undefined): Promise<Result<{ readonly replayed: number }>>;
  /** Sends one event of type webhook.test now, without retries. */
  test(endpointId: string): Promise<Result<TestDelivery>>;
  attempts(endpointId: string, limit: number): Promise<Result<readonly Attempt[]>>;
  deadLetters(endpointId: string, limit: number): Promise<Result<readonly DeadLetter[]>>;
  /** The text of a position that receivers and readers of GET /v1/events see. */
  positionText(position: number): string;
}
