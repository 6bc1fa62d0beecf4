// Servers of a cluster that are started together with its processes, or are busy, serve a little late: a start waits for them, a bounded
// time, and says so. A signal that stops the process ends the wait.

import { aborted } from '@hongyan/base/abort';
import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';

/** Why a server cannot be used, and what to do. */
export class ServerTrouble extends Error {
  override readonly name = 'ServerTrouble';
  /** It may serve when it is asked again: it does not answer, rather than refuse. */
  readonly mayPass: boolean;

  constructor(message: string, { mayPass, cause }: { readonly mayPass: boolean; readonly cause: unknown }) {
    super(message, { cause });
    this.mayPass = mayPass;
  }
}

export interface WaitOptions {
  /** For the log. */
  readonly server: 'Kafka' | 'MySQL' | 'Redis';
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** No try begins after it. */
const waitMs = 30_000;
const pauseMs = 500;
const lineMs = { first: 1_000, every: 10_000 };

/**
 * What `open` gives. Rejects with its error when that does not pass, or has not passed in time; with the signal's reason when that
 * aborts: a try that is under way then is left to itself, since the process is about to exit.
 */
export async function whenServing<T>(open: () => Promise<T>, { server, clock, log, signal }: WaitOptions): Promise<T> {
  signal.throwIfAborted();
  const beganMs = clock.monotonicMs();
  const waitedMs = () => clock.monotonicMs() - beganMs;
  let [error, hasWaited] = ['it has not answered yet', false];
  const line = () => {
    hasWaited = true;
    log.warn('waiting for a server', { server, error });
  };
  const givenUp = aborted(signal);
  const lines = [clock.after(lineMs.first, line), clock.every(lineMs.every, line)];
  try {
    for (;;) {
      try {
        const opened = await Promise.race([open(), givenUp]);
        if (hasWaited) log.info('the server is available', { server, seconds: secondsOf(waitedMs()) });
        return opened;
      } catch (failed) {
        if (!(failed instanceof ServerTrouble && failed.mayPass)) throw failed;
        if (waitedMs() + pauseMs > waitMs)
          throw new Error(`${failed.message} (after ${secondsOf(waitedMs())} s of retries)`, { cause: failed });
        error = failed.message;
      }
      await sleep(clock, { delayMs: pauseMs, signal });
      signal.throwIfAborted();
    }
  } finally {
    for (const timer of lines) timer.cancel();
  }
}

const secondsOf = (ms: number): number => Math.round(ms / 1000);
