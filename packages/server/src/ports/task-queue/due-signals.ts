// Wakes the callers that wait for tasks: when this process added tasks, and when the next task becomes due.

import type { Clock, Timer } from '@hongyan/base/clock';

/** The maximum delay until a step of the wall clock is noticed. */
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

  /** `nextDueMs` returns wall-clock time, or undefined when the kind has no task. */
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

  /** Call it when tasks of these kinds (default: of any kind) were added or changed their time. */
  changed(kinds?: readonly string[]): void {
    for (const { kind, look } of [...this.#waiters]) if (kinds?.includes(kind) ?? true) look();
  }

  close(): void {
    // The waiting callers resume, and their next claim rejects because the queue is closed.
    this.#isClosed = true;
    for (const { look } of [...this.#waiters]) look();
  }

  #inMs(kind: string): number {
    if (this.#isClosed) return 0;
    try {
      const dueMs = this.#nextDueMs(kind);
      return dueMs === undefined ? lookEveryMs : Math.min(lookEveryMs, dueMs - this.#clock.nowMs());
    } catch {
      // The file cannot be read now. The caller's next claim reports the failure, after this pause.
      return lookEveryMs;
    }
  }
}
