// A bus topic that sockets of this gateway follow. They share it, so a subscription costs a connection one pointer.

import type { Topic } from '../../../ports/event-bus/event-bus.ts';

export interface Interest {
  readonly topic: Topic;
  /** Resolves when the bus delivers the topic; rejects when the subscription failed. */
  readonly inForce: Promise<void>;
  /** Connections that have acquired it. The last release unsubscribes the topic from the bus. */
  holders: number;
  /** Subscribed sockets: those that receive frames one by one, and those that accept bundles. */
  plain: number;
  bundling: number;
  /** Frames published in this turn of the event loop. */
  pending: string[] | undefined;
}
