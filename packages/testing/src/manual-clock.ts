// A clock that a test moves by hand: timers run in the order of their times while it is advanced, and never by themselves.

import type { Clock, Timer } from '@hongyan/base/clock';

interface Waiting {
  readonly run: () => void;
  readonly everyMs: number | undefined;
  dueMs: number;
}

export class ManualClock implements Clock {
  #nowMs: number;
  #passedMs = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#wait({ run, everyMs: undefined, dueMs: this.#passedMs + delayMs });
  }

  every(intervalMs: number, run: () => void): Timer {
    return this.#wait({ run, everyMs: intervalMs, dueMs: this.#passedMs + intervalMs });
  }

  /** Milliseconds until the next timer, or undefined when none waits. */
  get nextInMs(): number | undefined {
    const next = this.#next();
    return next && next.dueMs - this.#passedMs;
  }

  advance(ms: number): void {
    const untilMs = this.#passedMs + ms;
    for (let next = this.#next(); next && next.dueMs <= untilMs; next = this.#next()) {
      this.#move(next.dueMs);
      if (next.everyMs === undefined) this.#waiting.delete(next);
      else next.dueMs += next.everyMs;
      next.run();
    }
    this.#move(untilMs);
  }

  /** Time passes while nothing runs, as for a page in the background or a machine asleep; what is overdue then runs once. */
  suspend(ms: number): void {
    this.#move(this.#passedMs + ms);
    for (const waiting of [...this.#waiting]) {
      if (waiting.dueMs > this.#passedMs) continue;
      if (waiting.everyMs === undefined) this.#waiting.delete(waiting);
      else waiting.dueMs = this.#passedMs + waiting.everyMs;
      waiting.run();
    }
  }

  /** Somebody sets the wall clock: no time passes. */
  step(ms: number): void {
    this.#nowMs += ms;
  }

  #move(passedMs: number): void {
    this.#nowMs += passedMs - this.#passedMs;
    this.#passedMs = passedMs;
  }

  #next(): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting) if (first === undefined || waiting.dueMs < first.dueMs) first = waiting;
    return first;
  }

  #wait(waiting: Waiting): Timer {
    this.#waiting.add(waiting);
    return { cancel: () => void this.#waiting.delete(waiting) };
  }
}
