// A server that gives its store away, so that another process copies the last of it: it leaves at once, since everyone waits.

import type { Config } from '../../config/options.ts';

export type DrainTimes = Pick<Config, 'drainDelaySeconds' | 'drainSeconds'>;

/** For requests under way. Clients come back by themselves, and wait for as long as nobody is there. */
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
