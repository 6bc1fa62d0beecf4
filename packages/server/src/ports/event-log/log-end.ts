// The last known end of an event log, and the callers that wait for it to move.

export class LogEnd {
  readonly #waiters = new Set<{ readonly after: number; readonly resolve: () => void }>();
  #position: number;
  #isClosed = false;

  constructor(position: number) {
    this.#position = position;
  }

  get isWaitedFor(): boolean {
    return this.#waiters.size > 0;
  }

  /** Never moves backwards. */
  moveTo(position: number): void {
    if (position <= this.#position) return;
    this.#position = position;
    for (const { after, resolve } of [...this.#waiters]) if (position > after) resolve();
  }

  /** Resolves when the end is beyond `after`, when `signal` aborts, or on `close`. */
  wait({ after, signal }: { readonly after: number; readonly signal: AbortSignal }): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiters;
      const waiter = { after, resolve: stop };
      function stop() {
        waiters.delete(waiter);
        signal.removeEventListener('abort', stop);
        resolve();
      }
      if (signal.aborted || this.#isClosed || this.#position > after) return resolve();
      waiters.add(waiter);
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const { resolve } of [...this.#waiters]) resolve();
  }
}
