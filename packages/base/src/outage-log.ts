// Logs an outage of something that is retried: its beginning, a count every few seconds, and its end. A line for each attempt would fill the
// disk while a server is down.

import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export interface OutageLogOptions {
  /** The failure, such as "events not published". */
  readonly failing: string;
  /** The recovery, such as "events published again". */
  readonly over: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Pick<Log, 'error' | 'info' | 'warn'>;
}

const lineEveryMs = 10_000;
/** The outage ends after this time without a failure: of several servers, one may fail while others work. */
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
