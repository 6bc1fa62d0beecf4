// Keeps one connection alive in both directions, each by itself: a proxy ends a connection on which a side is silent, whatever
// the other sends.

import type { Clock, Timer } from '@hongyan/base/clock';
import { deadline } from './deadline.ts';

export interface KeepAliveOptions {
  readonly clock: Clock;
  /** heartbeat_ms of the server. */
  readonly intervalMs: number;
  readonly ping: () => void;
  /** The server is silent: the connection is dead. */
  readonly onSilence: () => void;
}

/**
 * [C7] Pings when nothing was sent for an interval, whatever was received. When nothing was received for an interval, it asks by a
 * ping; after another interval of silence the connection is dead. A timer that is late, as in a page in the background, asks once
 * more before that: the answer may have arrived and wait for its turn behind the timer.
 */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  #sentAtMs: number;
  #receivedAtMs: number;
  /** A ping left since the last frame was received. */
  #hasPinged = false;
  /** Intervals of silence that ended with a question. */
  #asked = 0;
  #checkDueMs: number;
  #sendTimer: Timer;
  #receiveTimer: Timer;
  #probeTimer: Timer | undefined;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
    const { clock, intervalMs } = options;
    this.#sentAtMs = this.#receivedAtMs = clock.monotonicMs();
    this.#checkDueMs = this.#receivedAtMs + intervalMs;
    this.#sendTimer = clock.after(intervalMs, () => this.#checkSent());
    this.#receiveTimer = clock.after(intervalMs, () => this.#checkReceived());
  }

  sent(): void {
    this.#sentAtMs = this.#options.clock.monotonicMs();
  }

  received(): void {
    this.#receivedAtMs = this.#options.clock.monotonicMs();
    this.#asked = 0;
    this.#hasPinged = false;
    this.#probeTimer?.cancel();
  }

  /** Asks now, and takes silence for that long as the end: networks change while a page is hidden, and sockets do not notice. */
  probe(timeoutMs: number): void {
    const { clock, onSilence } = this.#options;
    this.#probeTimer?.cancel();
    this.#probeTimer = deadline(clock, timeoutMs, onSilence);
    this.#ping();
  }

  stop(): void {
    this.#sendTimer.cancel();
    this.#receiveTimer.cancel();
    this.#probeTimer?.cancel();
  }

  #ping(): void {
    this.#hasPinged = true;
    this.#options.ping();
  }

  #checkSent(): void {
    const { clock, intervalMs } = this.#options;
    const dueInMs = this.#sentAtMs + intervalMs - clock.monotonicMs();
    if (dueInMs <= 0) this.#ping();
    this.#sendTimer = clock.after(dueInMs > 0 ? dueInMs : intervalMs, () => this.#checkSent());
  }

  #checkReceived(): void {
    const { clock, intervalMs, onSilence } = this.#options;
    const nowMs = clock.monotonicMs();
    const isLate = nowMs - this.#checkDueMs >= intervalMs / 2;
    const dueInMs = this.#receivedAtMs + intervalMs - nowMs;
    if (dueInMs <= 0) {
      if (this.#asked >= (isLate ? 2 : 1)) return onSilence();
      if (this.#asked > 0 || !this.#hasPinged) this.#ping();
      this.#asked++;
    }
    const delayMs = dueInMs > 0 ? dueInMs : intervalMs;
    this.#checkDueMs = nowMs + delayMs;
    this.#receiveTimer = clock.after(delayMs, () => this.#checkReceived());
  }
}
