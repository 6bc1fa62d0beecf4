// The server said that it goes away for a moment: what is asked meanwhile waits until it is back instead of failing.

import type { Clock, Timer } from '@hongyan/base/clock';
import { ClientError } from './client-error.ts';
import { withResolvers } from './with-resolvers.ts';

/** Beyond the moment that it gave: then it is no restart. */
const graceMs = 15_000;
/** A refusal over HTTP may arrive before the frame that says why: so long it waits, and no longer than the server asks for anyway. */
const newsMsMax = 1_000;
const repeatsMax = 3;

export class ServerAbsence {
  readonly #clock: Clock;
  #absence: { readonly over: PromiseWithResolvers<boolean>; readonly timer: Timer } | undefined;

  /** Calls that were refused, and do not know why yet. */
  readonly #awaiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOn(): boolean {
    return this.#absence !== undefined;
  }

  /** It asked to reconnect after `reconnectAfterMs`. */
  begin(reconnectAfterMs: number): void {
    if (this.#absence) return;
    const timer = this.#clock.after(reconnectAfterMs + graceMs, () => this.#end(false));
    this.#absence = { over: withResolvers(), timer };
    for (const tell of this.#awaiting) tell();
  }

  /** It welcomed this device again. */
  end(): void {
    this.#end(true);
  }

  /** The client is closed: nobody waits any more. */
  abandon(): void {
    this.#end(false);
  }

  /** [C13] Asks again after an absence of which the server told, as long as `mayRepeat` says that nothing was done. */
  async bridge<T>(ask: () => Promise<T>, mayRepeat: (error: ClientError) => boolean): Promise<T> {
    for (let repeats = 0; ; repeats++) {
      try {
        return await ask();
      } catch (error) {
        const isUnavailable = error instanceof ClientError && error.code === 'unavailable';
        if (!isUnavailable || repeats === repeatsMax || !mayRepeat(error) || !(await this.#isOver(error))) throw error;
      }
    }
  }

  /** Resolves when the server is back; false when it did not say that it goes, or does not come back. */
  async #isOver({ retryAfterMs }: ClientError): Promise<boolean> {
    if (!this.#absence && retryAfterMs !== undefined) await this.#newsWithin(Math.min(retryAfterMs, newsMsMax));
    return this.#absence?.over.promise ?? false;
  }

  /** Resolves when an absence begins: one that is short may be over before the time is. */
  #newsWithin(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const tell = () => {
        timer.cancel();
        this.#awaiting.delete(tell);
        resolve();
      };
      const timer = this.#clock.after(ms, tell);
      this.#awaiting.add(tell);
    });
  }

  #end(isBack: boolean): void {
    this.#absence?.timer.cancel();
    this.#absence?.over.resolve(isBack);
    this.#absence = undefined;
  }
}
