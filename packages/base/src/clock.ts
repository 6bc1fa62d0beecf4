// The port for time. Nothing else in the tree reads a clock, so tests control time.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Unix milliseconds of the wall clock. May step backwards. */
  nowMs(): number;
  /** Milliseconds that only grow; for measuring durations. */
  monotonicMs(): number;
  after(delayMs: number, run: () => void): Timer;
  every(intervalMs: number, run: () => void): Timer;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs, run) {
    const handle = setInterval(run, intervalMs);
    return { cancel: () => clearInterval(handle) };
  },
};

/** Resolves after `delayMs`, or at once when `signal` aborts. Never rejects. */
export function sleep(clock: Clock, { delayMs, signal }: { delayMs: number; signal?: AbortSignal }): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    function stop() {
      timer.cancel();
      resolve();
    }
    signal?.addEventListener('abort', stop, { once: true });
  });
}
