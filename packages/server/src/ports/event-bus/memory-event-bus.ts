// The embedded event bus: within one process, delivered at once, never lost. Also the local half of a bus between processes.

import type { BusAttachment, BusEvent, EventBus, Topic } from './event-bus.ts';

type Listener = Parameters<EventBus['attach']>[0];

/** For a bus whose events come from elsewhere: it has to hear which topics anybody here listens to. */
export interface InterestHooks {
  onFirst(topic: Topic): void;
  onLast(topic: Topic): void;
}

export interface MemoryEventBus extends EventBus {
  /** All that somebody listens to. */
  topics(): Iterable<Topic>;
  reportLoss(topics?: readonly Topic[]): void;
}

/** One listener on a topic is the usual case and costs no set. */
export function createMemoryEventBus(hooks?: InterestHooks): MemoryEventBus {
  const byTopic = new Map<Topic, Listener | Set<Listener>>();
  const attached = new Set<Listener>();

  function deliver(event: BusEvent): void {
    const listeners = byTopic.get(event.topic);
    if (listeners === undefined) return;
    if (listeners instanceof Set) for (const listener of listeners) listener.onEvent(event);
    else listeners.onEvent(event);
  }

  function add(topic: Topic, listener: Listener): void {
    const known = byTopic.get(topic);
    if (known === undefined) {
      byTopic.set(topic, listener);
      hooks?.onFirst(topic);
    } else if (known instanceof Set) known.add(listener);
    else if (known !== listener) byTopic.set(topic, new Set([known, listener]));
  }

  function remove(topic: Topic, listener: Listener): void {
    const known = byTopic.get(topic);
    const isLast = known === listener || (known instanceof Set && known.delete(listener) && known.size === 0);
    if (!isLast) return;
    byTopic.delete(topic);
    hooks?.onLast(topic);
  }

  return {
    publish(events) {
      for (const event of events) deliver(event);
    },
    attach(listener): BusAttachment {
      attached.add(listener);
      return {
        subscribe: (topics) => {
          for (const topic of topics) add(topic, listener);
        },
        unsubscribe: (topics) => {
          for (const topic of topics) remove(topic, listener);
        },
        detach: () => {
          attached.delete(listener);
          for (const topic of [...byTopic.keys()]) remove(topic, listener);
        },
      };
    },
    topics: () => byTopic.keys(),
    reportLoss(topics) {
      for (const listener of attached) listener.onLoss(topics);
    },
  };
}
