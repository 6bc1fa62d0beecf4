// The bus as a core publishes on it. What the bus does not accept it reports itself as lost to whom it concerns [R2], so nobody here has to
// do anything but say so; and who owns a partition knows when everything published so far was accepted, because only then a later owner
// need not publish it again.

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

  /** Resolves also when they were not accepted. */
  publish(events: readonly BusEvent[]): Promise<void> {
    const told = this.#bus.publish(events).then(this.#worked, this.#failed);
    if (this.#isTracked) this.#published = Promise.all([this.#published, told]);
    return told;
  }

  attach(listener: BusListener): BusAttachment {
    return this.#bus.attach(listener);
  }

  /** Resolves when all that was published up to now was accepted, or is reported as lost. */
  published(): Promise<unknown> {
    return this.#published;
  }

  readonly #worked = (): void => this.#outage.worked();
  readonly #failed = (error: unknown): void => this.#outage.failed(error);
}
