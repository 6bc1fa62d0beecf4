// A topic and its followers among the sockets of this gateway.

import type { Topic } from '../../ports/event-bus/event-bus.ts';

/** One object for all sockets that follow the topic, so that following costs a pointer. */
export interface Interest {
  readonly topic: Topic;
  count: number;
}
