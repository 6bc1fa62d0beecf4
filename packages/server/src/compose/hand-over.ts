// A server that gives its store away, so that another process copies the last of it: it leaves at once, since everyone waits.

import type { Config } from '../config/options.ts';

type DrainTimes = Pick<Config, 'drainDelaySeconds' | 'drainSeconds'>;

/** For requests under way. Clients come back by themselves, and wait for as long as nobody is there. */
const drainSeconds = 0.25;

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

  drainOf(config: DrainTimes): DrainTimes {
    return this.#hasBegun ? { drainDelaySeconds: 0, drainSeconds } : config;
  }
}
