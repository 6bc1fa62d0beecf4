// Counters of one kind by a label with few known values: a close reason, a frame type.

import type { Sample } from './metrics.ts';

export class CountBy<Key extends string> {
  readonly #label: string;
  readonly #counts = new Map<Key, number>();

  /** `known` are reported from the start, as 0: a rate needs the value before the first event. */
  constructor(label: string, known: readonly Key[] = []) {
    this.#label = label;
    for (const key of known) this.#counts.set(key, 0);
  }

  add(key: Key, count = 1): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  *samples(): Generator<Sample> {
    for (const [key, count] of this.#counts) yield [{ [this.#label]: key }, count];
  }
}
