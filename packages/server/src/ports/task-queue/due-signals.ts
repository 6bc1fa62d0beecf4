// Wakes those who wait for tasks: when some were added in this process, and when the next one comes due.

import type { Clock, Timer } from '@hongyan/base/clock';

/** A clock that steps is noticed by then. */
const lookEveryMs = 10_000;

interface Waiter {
  readonly kind: string;
  readonly look: () => void;
}

export class DueSignals {
  readonly #clock: Clock;
  readonly #nextDueMs: (kind: string) => number | undefined;
  readonly #waiters = new Set<Waiter>();
  #isClosed = false;

  /** `nextDueMs` is asked on the wall clock, and gives undefined when nothing of the kind is there. */
  constructor(clock: Clock, nextDueMs: (kind: string) => number | undefined) {
    this.#clock = clock;
    this.#nextDueMs = nextDueMs;
  }

  wait(kind: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const done = () => {
        timer?.cancel();
        signal.removeEventListener('abort', done);
        this.#waiters.delete(waiter);
        resolve();
      };
      const look = () => {
        timer?.cancel();
        const inMs = this.#inMs(kind);
        if (inMs <= 0 || signal.aborted) return done();
        timer = this.#clock.after(inMs, look);
      };
      const waiter: Waiter = { kind, look };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', done, { once: true });
      look();
    });
  }

  /** Tasks of these kinds, or of any, were added or have another time. */
  changed(kinds?: readonly string[]): void {
    for (const { kind, look } of [...this.#waiters]) if (kinds?.includes(kind) ?? true) look();
  }

  close(): void {
    // Whoever waits comes back, and is told that the queue is closed.
    this.#isClosed = true;
    for (const { look } of [...this.#waiters]) look();
  }

  #inMs(kind: string): number {
    if (this.#isClosed) return 0;
    try {
      const dueMs = this.#nextDueMs(kind);
      return dueMs === undefined ? lookEveryMs : Math.min(lookEveryMs, dueMs - this.#clock.nowMs());
    } catch {
      // A file that cannot be read now: whoever waits finds out by its claim, no sooner than this.
      return lookEveryMs;
    }
  }
}
