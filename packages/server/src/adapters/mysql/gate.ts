// Limits access to the connection pool: a maximum number of holders, a maximum number of waiters, and a deadline for each waiter. The
// pool of mysql2 would let callers wait for ever.

import type { Clock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import { Histogram, latencyBoundsS } from '../../metrics/histogram.ts';

export interface GateOptions {
  readonly clock: Clock;
  readonly insideMax: number;
  readonly waitersMax: number;
  readonly waitTimeoutMs: number;
}

/** First in, first out. */
export class Gate {
  readonly waitSeconds = new Histogram(latencyBoundsS);
  readonly #options: GateOptions;
  /** In the order of arrival. */
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

  /** Rejects with `overloaded` at the maximum of waiters or at the deadline. Each caller that entered MUST call `leave`. */
  async enter(): Promise<void> {
    const { clock, insideMax } = this.#options;
    const begunMs = clock.monotonicMs();
    if (this.#inside >= insideMax) await this.#wait();
    else this.#inside++;
    this.waitSeconds.observe((clock.monotonicMs() - begunMs) / 1000);
  }

  /** Admits the first waiter, if any. */
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
        `more than ${waitersMax} requests wait for a connection to the database; retry later`,
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
