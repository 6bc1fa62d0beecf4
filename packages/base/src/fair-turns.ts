// Schedules work fairly: each key has one piece of work running at a time, keys take turns, and between pieces the event loop runs other
// work. So the large reads of one user delay others only for a bounded time.

import type { Clock } from './clock.ts';
import { StoreFailure } from './result.ts';
import { soon } from './soon.ts';

export interface FairTurnsOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Pieces of work that run at once, each of another key. */
  readonly runningMax: number;
  /** Waiting pieces of one key; further ones reject with StoreFailure `overloaded`. */
  readonly waitingPerKeyMax: number;
  /** Waiting pieces of all keys; further ones reject likewise. */
  readonly waitingMax: number;
  /** For this time pieces are started in one turn of the event loop. */
  readonly sliceMs?: number;
}

type Work = () => Promise<void>;

export class FairTurns<Key> {
  readonly #options: FairTurnsOptions;
  /** Keys with waiting work, in the order of their turns. */
  readonly #waiting = new Map<Key, Work[]>();
  readonly #running = new Set<Key>();
  #waitingCount = 0;
  /** On the monotonic clock; undefined while no slice is open. */
  #sliceStartMs: number | undefined;
  /** The slice ended before all runnable pieces were started. */
  #isCut = false;

  constructor(options: FairTurnsOptions) {
    this.#options = options;
  }

  /** Pieces that wait. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Settles as `work` does. Rejects with StoreFailure `overloaded` beyond the bounds. */
  run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const { waitingPerKeyMax, waitingMax } = this.#options;
    const queue = this.#waiting.get(key);
    if (this.#waitingCount >= waitingMax || (queue?.length ?? 0) >= waitingPerKeyMax)
      return Promise.reject(new StoreFailure('overloaded', 'too many requests wait for their turn'));
    return new Promise<T>((resolve, reject) => {
      // Async, so that work that throws synchronously rejects its caller and ends its turn.
      const piece: Work = async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(error);
        }
      };
      if (queue) queue.push(piece);
      else this.#waiting.set(key, [piece]);
      this.#waitingCount++;
      this.#begin();
    });
  }

  #begin(): void {
    const { runningMax } = this.#options;
    while (this.#running.size < runningMax) {
      const key = this.#nextKey();
      if (key === undefined) return;
      if (this.#isSliceOver()) {
        this.#isCut = true;
        return;
      }
      void this.#runNext(key.value);
    }
  }

  /** A slice ends with the event loop's turn; the next one starts the pieces that this one did not. */
  #isSliceOver(): boolean {
    const { clock, sliceMs = 5 } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#sliceStartMs !== undefined) return nowMs - this.#sliceStartMs > sliceMs;
    this.#sliceStartMs = nowMs;
    soon(() => {
      this.#sliceStartMs = undefined;
      const isCut = this.#isCut;
      this.#isCut = false;
      if (isCut) this.#begin();
    });
    return false;
  }

  /** Boxed, because undefined may be a key. */
  #nextKey(): { readonly value: Key } | undefined {
    for (const value of this.#waiting.keys()) if (!this.#running.has(value)) return { value };
    return undefined;
  }

  async #runNext(key: Key): Promise<void> {
    const queue = this.#waiting.get(key);
    const piece = queue?.shift();
    if (!queue || !piece) return;
    this.#waitingCount--;
    // The key's next piece goes to the end of the queue.
    this.#waiting.delete(key);
    if (queue.length > 0) this.#waiting.set(key, queue);
    this.#running.add(key);
    await piece();
    this.#running.delete(key);
    if (this.#waiting.size > 0) this.#begin();
  }
}
