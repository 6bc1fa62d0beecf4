// A bus topic that sockets of this gateway follow. Shared by them, so that following costs a connection one pointer.

import type { Topic } from '../../../ports/event-bus/event-bus.ts';

export interface Interest {
  readonly topic: Topic;
  /** Resolves when the bus delivers the topic; rejects when it could not be subscribed. */
  readonly inForce: Promise<void>;
  /** Connections that follow it or are about to. The bus is unsubscribed when the last is gone. */
  holders: number;
  /** Sockets subscribed, by how they take several frames. */
  plain: number;
  bundling: number;
  /** Frames published in this turn. */
  pending: string[] | undefined;
}
