// The embedded event bus: within one process, delivered at once, never lost.

import type { BusAttachment, BusEvent, EventBus, Topic } from './event-bus.ts';

type Listener = Parameters<EventBus['attach']>[0];

/** One listener on a topic is the usual case and costs no set. */
export function createMemoryEventBus(): EventBus {
  const byTopic = new Map<Topic, Listener | Set<Listener>>();

  function deliver(event: BusEvent): void {
    const listeners = byTopic.get(event.topic);
    if (listeners === undefined) return;
    if (listeners instanceof Set) for (const listener of listeners) listener.onEvent(event);
    else listeners.onEvent(event);
  }

  function add(topic: Topic, listener: Listener): void {
    const known = byTopic.get(topic);
    if (known === undefined || known === listener) byTopic.set(topic, listener);
    else if (known instanceof Set) known.add(listener);
    else byTopic.set(topic, new Set([known, listener]));
  }

  function remove(topic: Topic, listener: Listener): void {
    const known = byTopic.get(topic);
    if (known === listener) byTopic.delete(topic);
    else if (known instanceof Set && known.delete(listener) && known.size === 0) byTopic.delete(topic);
  }

  return {
    publish(events) {
      for (const event of events) deliver(event);
    },
    attach(listener): BusAttachment {
      return {
        subscribe: (topics) => {
          for (const topic of topics) add(topic, listener);
        },
        unsubscribe: (topics) => {
          for (const topic of topics) remove(topic, listener);
        },
        detach: () => {
          for (const topic of [...byTopic.keys()]) remove(topic, listener);
        },
      };
    },
  };
}
