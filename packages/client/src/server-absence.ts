// The server said that it goes away for a moment: what is asked meanwhile waits until it is back instead of failing.

import type { Clock, Timer } from '@hongyan/base/clock';
import { ClientError } from './client-error.ts';

/** Beyond the moment that it gave: then it is no restart. */
const graceMs = 15_000;
/** A refusal over HTTP may arrive before the frame that says why. */
const newsMs = 200;
const repeatsMax = 3;

export class ServerAbsence {
  readonly #clock: Clock;
  #absence: { readonly over: PromiseWithResolvers<boolean>; readonly timer: Timer } | undefined;

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
    this.#absence = { over: Promise.withResolvers(), timer };
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
    if (!this.#absence && retryAfterMs !== undefined)
      await new Promise<void>((resolve) => this.#clock.after(newsMs, resolve));
    return this.#absence?.over.promise ?? false;
  }

  #end(isBack: boolean): void {
    this.#absence?.timer.cancel();
    this.#absence?.over.resolve(isBack);
    this.#absence = undefined;
  }
}
