// The event bus for publishers in the core. The bus itself reports events that it did not accept as lost to their subscribers [R2], so
// failures are only logged here. It also tracks when all published events were accepted: the next owner of a partition publishes
// everything else again.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { OutageLog } from '@hongyan/base/outage-log';
import type { BusAttachment, BusEvent, BusListener, EventBus } from '../../ports/event-bus/event-bus.ts';

export class CoreBus implements EventBus {
  readonly #bus: EventBus;
  readonly #outage: OutageLog;
  readonly #isTracked: boolean;
  #published: Promise<unknown> = Promise.resolve();

  constructor(
    bus: EventBus,
    { clock, log, isTracked }: { readonly clock: Clock; readonly log: Log; readonly isTracked: boolean },
  ) {
    this.#bus = bus;
    this.#isTracked = isTracked;
    this.#outage = new OutageLog({ failing: 'events not published', over: 'events published again', clock, log });
  }

  /** Never rejects: it also resolves if the events were not accepted. */
  publish(events: readonly BusEvent[]): Promise<void> {
    const published = this.#bus.publish(events).then(this.#worked, this.#failed);
    if (this.#isTracked) this.#published = Promise.all([this.#published, published]);
    return published;
  }

  attach(listener: BusListener): BusAttachment {
    return this.#bus.attach(listener);
  }

  /** Resolves when every event published so far was accepted or reported as lost. */
  published(): Promise<unknown> {
    return this.#published;
  }

  readonly #worked = (): void => this.#outage.worked();
  readonly #failed = (error: unknown): void => this.#outage.failed(error);
}
