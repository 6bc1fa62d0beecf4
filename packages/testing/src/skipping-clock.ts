// The system's clock, of which a test can skip some time: for what talks to real servers and cannot stand still.

import { type Clock, systemClock, type Timer } from '@hongyan/base/clock';

interface Waiting {
  readonly run: () => void;
  readonly dueMs: number;
  readonly timer: Timer;
}

export class SkippingClock implements Clock {
  #skippedMs = 0;
  readonly #waiting = new Set<Waiting>();

  nowMs(): number {
    return systemClock.nowMs() + this.#skippedMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#skippedMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const waiting: Waiting = {
      run: () => {
        this.#waiting.delete(waiting);
        run();
      },
      dueMs: this.monotonicMs() + delayMs,
      timer: systemClock.after(delayMs, () => waiting.run()),
    };
    this.#waiting.add(waiting);
    return {
      cancel: () => {
        this.#waiting.delete(waiting);
        waiting.timer.cancel();
      },
    };
  }

  /** In real time: skips run it no sooner. */
  every(intervalMs: number, run: () => void): Timer {
    return systemClock.every(intervalMs, run);
  }

  /** What comes due meanwhile runs at once. */
  skip(ms: number): void {
    this.#skippedMs += ms;
    const nowMs = this.monotonicMs();
    for (const waiting of [...this.#waiting].sort((a, b) => a.dueMs - b.dueMs)) {
      if (waiting.dueMs > nowMs || !this.#waiting.has(waiting)) continue;
      waiting.timer.cancel();
      waiting.run();
    }
  }
}
