// What is asked and changed about webhooks: by operators, and by an application's back end with an API key.

import type { EventType } from '@hongyan/protocol/events';
import type { Result } from '@hongyan/protocol/refusals';
import type { Attempt, DeadLetter, Endpoint, EndpointChange } from './webhooks.ts';

export interface NewEndpoint {
  readonly url: string;
  readonly types: readonly EventType[];
  /** One that the receiver knows already; made anew when absent. */
  readonly secret?: string | undefined;
}

/** An endpoint as it is shown: without its secrets. */
export interface EndpointView {
  readonly endpoint: Endpoint;
  /** Events of the log after its cursor, of all types. */
  readonly behind: number;
  readonly parked: number;
  readonly dead: number;
}

export interface Tested {
  readonly type: 'delivered' | 'gone' | 'failed';
  /** Of HTTP; 0 without an answer. */
  readonly status: number;
  readonly error?: string | undefined;
  readonly durationMs: number;
}

/** MUST: a URL that may not be reached is refused. Changes are durable when they resolve, and take effect then. */
export interface WebhookAdministration {
  list(): Promise<readonly EndpointView[]>;
  get(endpointId: string): Promise<Result<EndpointView>>;
  /** What happens from now on is delivered. Its secret is in the answer, and in no later one. */
  add(endpoint: NewEndpoint): Promise<Result<Endpoint>>;
  /** URL, types, on and off. One that was switched off, or had given up, goes on where it was. */
  change(endpointId: string, change: Pick<EndpointChange, 'url' | 'types' | 'isEnabled'>): Promise<Result<undefined>>;
  /** A new secret; the old one signs beside it for `overlapMs`. */
  rotate(
    endpointId: string,
    rotation: { readonly overlapMs: number; readonly secret?: string | undefined },
  ): Promise<Result<{ readonly secret: string }>>;
  remove(endpointId: string): Promise<Result<undefined>>;
  /** [W9] Everything after `after` once more; without it, everything that is kept. */
  replay(endpointId: string, after: string | undefined): Promise<Result<undefined>>;
  /** [W9] Dead letters once more, with all their attempts: all, or the one at `position`. */
  replayDead(endpointId: string, at: string | undefined): Promise<Result<{ readonly replayed: number }>>;
  /** One event of type webhook.test, sent now and not again. */
  test(endpointId: string): Promise<Result<Tested>>;
  attempts(endpointId: string, limit: number): Promise<Result<readonly Attempt[]>>;
  deadLetters(endpointId: string, limit: number): Promise<Result<readonly DeadLetter[]>>;
  /** As receivers and pulling readers know it. */
  positionText(position: number): string;
}
