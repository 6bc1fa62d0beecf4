// Hellos of abandoned attempts that may still reach the server, where each replaces the live connection of this device.

import type { Clock } from '@hongyan/base/clock';

/** How late a network may still deliver a hello. */
const lateMsMax = 120_000;

export class StrayHellos {
  readonly #clock: Clock;
  #untilMs: number[] = [];
  /** An earlier run may have left a hello too: a single replacement in this time is attributed to it. */
  #earlierRunUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An attempt that had sent its hello was abandoned. */
  add(): void {
    this.#untilMs = [...this.#pending(), this.#clock.monotonicMs() + lateMsMax];
  }

  /**
   * [C6] Whether a replacement may be the work of a stray hello: then the client reconnects, which replaces the stray for good.
   * Another client that lives reconnects as well, and then this one stops.
   */
  takeReplacement(): boolean {
    const now = this.#clock.monotonicMs();
    const [stray, ...others] = this.#pending();
    this.#untilMs = others;
    if (stray !== undefined) return true;
    if (now < this.#earlierRunUntilMs) return false;
    this.#earlierRunUntilMs = now + lateMsMax;
    return true;
  }

  #pending(): number[] {
    const now = this.#clock.monotonicMs();
    return this.#untilMs.filter((untilMs) => now < untilMs);
  }
}
