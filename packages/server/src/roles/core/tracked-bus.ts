// The bus of a core that shares its stores: it knows when everything published so far was accepted, because only then a later
// owner of the partition need not publish it again.

import type { BusAttachment, BusEvent, BusListener, EventBus } from '../../ports/event-bus/event-bus.ts';

export class TrackedBus implements EventBus {
  readonly #bus: EventBus;
  #published: Promise<unknown> = Promise.resolve();

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  publish(events: readonly BusEvent[]): Promise<void> {
    const accepted = this.#bus.publish(events);
    // Of events that were not accepted the bus itself reports the loss.
    this.#published = Promise.allSettled([this.#published, accepted]);
    return accepted;
  }

  attach(listener: BusListener): BusAttachment {
    return this.#bus.attach(listener);
  }

  /** Resolves when all that was published up to now was accepted, or is reported as lost. */
  published(): Promise<unknown> {
    return this.#published;
  }
}
