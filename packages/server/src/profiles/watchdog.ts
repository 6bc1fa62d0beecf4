// Watches this process against declared thresholds and says when one is passed: the moment in which a profile shows why.

import type { Clock, Timer } from '@hongyan/base/clock';

export interface WatchdogOptions {
  /** The event loop came so much too late, in several of the last seconds. 0: not watched. */
  readonly lagMs: number;
  /** So much more resident memory than the least of the last half hour. 0: not watched. */
  readonly memoryGrowthBytes: number;
  /** One of a hundred sends takes so long from its arrival to its ack. 0: not watched. */
  readonly ackP99Ms: number;
  /** Seconds from send to ack, since the start; undefined while nothing was sent. */
  readonly ackSeconds: () => HistogramCounts | undefined;
  readonly clock: Clock;
  readonly residentBytes: () => number;
  /** In words. Called at each check at which a threshold is passed. */
  readonly onPassed: (detail: string) => void;
}

export interface HistogramCounts {
  /** Upper ends of the buckets, ascending. */
  readonly bounds: readonly number[];
  /** Values up to each bound, then all. */
  cumulative(): readonly number[];
}

const checkEveryMs = 1_000;
/** One late second may be a collection of garbage or a busy machine. */
const lateChecksMin = 3;
const lateChecksOf = 10;
const memoryEveryMs = 10_000;
const memoryChecks = 180;
const acksEveryMs = 10_000;
/** Fewer sends have no slowest hundredth. */
const acksMin = 100;
const mebibyte = 1024 * 1024;

export class Watchdog {
  readonly #options: WatchdogOptions;
  /** Of the last checks, oldest first. */
  readonly #lagsMs: number[] = [];
  readonly #residents: number[] = [];
  /** As counted at the check before. */
  #acks: readonly number[] = [];
  readonly #timers: readonly Timer[];
  #expectedMs: number;

  constructor(options: WatchdogOptions) {
    const { clock } = options;
    this.#options = options;
    this.#expectedMs = clock.monotonicMs() + checkEveryMs;
    this.#timers = [
      clock.every(checkEveryMs, () => this.#checkLag()),
      clock.every(memoryEveryMs, () => this.#checkMemory()),
      clock.every(acksEveryMs, () => this.#checkAcks()),
    ];
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  #checkLag(): void {
    const { clock, lagMs: limitMs, onPassed } = this.#options;
    const nowMs = clock.monotonicMs();
    keep(this.#lagsMs, nowMs - this.#expectedMs, lateChecksOf);
    this.#expectedMs = nowMs + checkEveryMs;
    if (limitMs === 0) return;
    const late = this.#lagsMs.filter((lag) => lag >= limitMs);
    if (late.length < lateChecksMin) return;
    const longestMs = Math.round(Math.max(...late));
    onPassed(
      `the event loop was late by ${limitMs} ms or more in ${late.length} of ${lateChecksOf} s, by ${longestMs} ms at most`,
    );
  }

  #checkMemory(): void {
    const { memoryGrowthBytes: limit, residentBytes, onPassed } = this.#options;
    const now = residentBytes();
    keep(this.#residents, now, memoryChecks);
    const growth = now - Math.min(...this.#residents);
    if (limit === 0 || growth < limit) return;
    onPassed(
      `memory grew by ${Math.round(growth / mebibyte)} MiB within half an hour, to ${Math.round(now / mebibyte)} MiB`,
    );
    // What it has grown to is where the next growth is measured from.
    this.#residents.length = 0;
  }

  #checkAcks(): void {
    const { ackP99Ms: limitMs, ackSeconds, onPassed } = this.#options;
    const counted = ackSeconds();
    if (limitMs === 0 || counted === undefined) return;
    const now = counted.cumulative();
    const since = now.map((count, bucket) => count - (this.#acks[bucket] ?? 0));
    this.#acks = now;
    const total = since.at(-1) ?? 0;
    if (total < acksMin) return;
    // Slower than the limit are those beyond the largest bound that does not pass it.
    const within = counted.bounds.findLastIndex((bound) => bound * 1000 <= limitMs);
    const slow = total - (since[within] ?? 0);
    if (slow * 100 < total) return;
    onPassed(`${slow} of ${total} sends within ${acksEveryMs / 1000} s took more than ${limitMs} ms to their ack`);
  }
}

function keep(values: number[], value: number, max: number): void {
  values.push(value);
  if (values.length > max) values.shift();
}
