// Tells a log that something fails which is tried again and again: when it begins, how often it failed every few seconds, and when it is
// over. A server that is away would fill the disk otherwise, a line for each try.

import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export interface OutageLogOptions {
  /** What does not happen: "events not published". */
  readonly failing: string;
  /** What happens again. */
  readonly over: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Pick<Log, 'error' | 'info' | 'warn'>;
}

const lineEveryMs = 10_000;
/** Of several servers one may fail and the others not: it is over when nothing has failed for so long. */
const quietMs = 5_000;

interface Outage {
  readonly beganMs: number;
  failures: number;
  lastFailureMs: number;
  lastLineMs: number;
}

export class OutageLog {
  readonly #options: OutageLogOptions;
  #outage: Outage | undefined;

  constructor(options: OutageLogOptions) {
    this.#options = options;
  }

  failed(error: unknown): void {
    const { failing, clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const outage = this.#outage;
    if (outage === undefined) {
      log.error(failing, { error });
      this.#outage = { beganMs: nowMs, failures: 1, lastFailureMs: nowMs, lastLineMs: nowMs };
      return;
    }
    outage.failures++;
    outage.lastFailureMs = nowMs;
    if (nowMs - outage.lastLineMs < lineEveryMs) return;
    outage.lastLineMs = nowMs;
    log.warn(`${failing}, still`, { times: outage.failures, seconds: secondsOf(nowMs - outage.beganMs), error });
  }

  worked(): void {
    const outage = this.#outage;
    if (outage === undefined) return;
    const { over, clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - outage.lastFailureMs < quietMs) return;
    this.#outage = undefined;
    log.info(over, { failures: outage.failures, seconds: secondsOf(outage.lastFailureMs - outage.beganMs) });
  }
}

const secondsOf = (ms: number): number => Math.round(ms / 1000);
