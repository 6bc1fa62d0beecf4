// The wait in front of the pool: so many may be inside, so many may wait, and none waits longer than a deadline of its own. mysql2's
// own pool lets callers wait for ever.

import type { Clock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import { Histogram, latencyBoundsS } from '../../metrics/histogram.ts';

export interface GateOptions {
  readonly clock: Clock;
  readonly insideMax: number;
  readonly waitersMax: number;
  readonly waitTimeoutMs: number;
}

/** First come, first in. */
export class Gate {
  readonly waitSeconds = new Histogram(latencyBoundsS);
  readonly #options: GateOptions;
  /** In the order they came. */
  readonly #waiters = new Set<PromiseWithResolvers<void>>();
  #inside = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get inside(): number {
    return this.#inside;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Rejects with `overloaded` at the bound or the deadline. Each one that is let in MUST `leave`. */
  async enter(): Promise<void> {
    const { clock, insideMax } = this.#options;
    const begunMs = clock.monotonicMs();
    if (this.#inside >= insideMax) await this.#wait();
    else this.#inside++;
    this.waitSeconds.observe((clock.monotonicMs() - begunMs) / 1000);
  }

  /** The place passes to the first that waits. */
  leave(): void {
    const [next] = this.#waiters;
    if (next === undefined) {
      this.#inside--;
      return;
    }
    this.#waiters.delete(next);
    next.resolve();
  }

  async #wait(): Promise<void> {
    const { clock, waitersMax, waitTimeoutMs, insideMax } = this.#options;
    if (this.#waiters.size >= waitersMax)
      throw new StoreFailure(
        'overloaded',
        `more than ${waitersMax} wait for a connection to the database; retry later`,
      );
    const waiter = Promise.withResolvers<void>();
    this.#waiters.add(waiter);
    const timer = clock.after(waitTimeoutMs, () => {
      this.#waiters.delete(waiter);
      waiter.reject(
        new StoreFailure(
          'overloaded',
          `all ${insideMax} connections to the database were busy for ${waitTimeoutMs} ms`,
        ),
      );
    });
    try {
      await waiter.promise;
    } finally {
      timer.cancel();
    }
  }
}
