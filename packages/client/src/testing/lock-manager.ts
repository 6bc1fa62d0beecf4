// Web Locks for runtimes without them: one process, exclusive locks. The browser's own are in tests/e2e/tabs.test.ts.

import type { Locks } from '../tabs.ts';

interface Holder {
  readonly lost: (error: Error) => void;
}

interface Waiting {
  readonly grant: () => void;
}

export class LockManager {
  readonly #holders = new Map<string, Holder>();
  readonly #waiting = new Map<string, Waiting[]>();

  /** As a client takes it. */
  get locks(): Locks {
    const request = (name: string, ...rest: readonly unknown[]) => {
      const [options, run] = rest.length === 1 ? [{}, rest[0]] : rest;
      return this.#request(name, options as LockOptions, run as (lock: unknown) => unknown);
    };
    return { request: request as Locks['request'] };
  }

  async #request(name: string, options: LockOptions, run: (lock: unknown) => unknown): Promise<unknown> {
    // Never in the turn of the call.
    await Promise.resolve();
    if (options.ifAvailable && this.#holders.has(name)) return run(null);
    if (options.steal) this.#holders.get(name)?.lost(new DOMException('stolen', 'AbortError'));
    else if (this.#holders.has(name)) await this.#turn(name, options.signal);
    return this.#hold(name, run);
  }

  #turn(name: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, queue);
      const waiting = { grant: resolve };
      queue.push(waiting);
      signal?.addEventListener('abort', () => {
        const at = queue.indexOf(waiting);
        if (at >= 0) queue.splice(at, 1);
        reject(new DOMException('aborted', 'AbortError'));
      });
    });
  }

  async #hold(name: string, run: (lock: unknown) => unknown): Promise<unknown> {
    const stolen = Promise.withResolvers<never>();
    const holder: Holder = { lost: stolen.reject };
    this.#holders.set(name, holder);
    try {
      return await Promise.race([run({ name, mode: 'exclusive' }), stolen.promise]);
    } finally {
      if (this.#holders.get(name) === holder) {
        this.#holders.delete(name);
        this.#waiting.get(name)?.shift()?.grant();
      }
    }
  }
}
