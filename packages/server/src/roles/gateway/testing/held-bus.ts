// A memory bus whose subscriptions come into force when the test releases them.

import { StoreFailure } from '@hongyan/base/result';
import { everyoneTopic, type Topic } from '../../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../../ports/event-bus/memory-event-bus.ts';

export class HeldBus {
  readonly bus: MemoryEventBus;
  /** Subscribed topics, without the one of everyone, which every session table follows. */
  readonly topics = new Set<Topic>();
  #isHeld = false;
  #waiting: PromiseWithResolvers<void>[] = [];

  constructor() {
    this.bus = new MemoryEventBus({
      onFirst: (topic) => {
        if (topic === everyoneTopic) return;
        this.topics.add(topic);
        if (!this.#isHeld) return;
        const waiting = Promise.withResolvers<void>();
        this.#waiting.push(waiting);
        return waiting.promise;
      },
      onLast: (topic) => void this.topics.delete(topic),
    });
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  refuse(): void {
    this.#isHeld = false;
    for (const { reject } of this.#waiting.splice(0)) reject(new StoreFailure('unavailable', 'the bus is gone'));
  }
}
