// Hand-over of the store to hongyan migrate: the server stops at once, because no one is served until the migration is complete.

import type { Config } from '../../config/options.ts';

export type DrainTimes = Pick<Config, 'drainDelaySeconds' | 'drainSeconds'>;

/** Time for requests in flight. Clients reconnect by themselves and wait until the cluster serves. */
const atOnce: DrainTimes = { drainDelaySeconds: 0, drainSeconds: 0.25 };

export class HandOver {
  readonly begun: Promise<void>;
  readonly #resolve: () => void;
  #hasBegun = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun = promise;
    this.#resolve = resolve;
  }

  begin(): void {
    this.#hasBegun = true;
    this.#resolve();
  }

  drainOf({ drainDelaySeconds, drainSeconds }: DrainTimes): DrainTimes {
    return this.#hasBegun ? atOnce : { drainDelaySeconds, drainSeconds };
  }
}
