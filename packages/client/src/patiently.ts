// [C12] A caller beyond its rate is told how long to wait: requests wait so long and are sent again, without the application's doing.

import { type Clock, sleep } from '@hongyan/base/clock';
import { toClientError } from './client-error.ts';

export interface Patience {
  readonly clock: Clock;
  readonly random: () => number;
  /** Its reason is what whoever waits is told: nobody is there any more in whose name to ask. */
  readonly signal: AbortSignal;
}

/** Whoever is told to wait longer than this in all is told the application. */
const waitMaxMs = 60_000;
/** Many devices of one user that are refused together must not come back in the same millisecond. */
const jitterMs = 100;

/** Settles as the first `ask` does that is not refused as rate_limited; as that, when it would have to wait too long. */
export async function patiently<T>({ clock, random, signal }: Patience, ask: () => Promise<T>): Promise<T> {
  const deadlineMs = clock.monotonicMs() + waitMaxMs;
  for (;;) {
    if (signal.aborted) throw signal.reason;
    try {
      return await ask();
    } catch (thrown) {
      const { code, retryAfterMs } = toClientError(thrown);
      if (code !== 'rate_limited' || retryAfterMs === undefined) throw thrown;
      const delayMs = retryAfterMs + Math.floor(random() * jitterMs);
      if (clock.monotonicMs() + delayMs > deadlineMs) throw thrown;
      await sleep(clock, { delayMs, signal });
    }
  }
}
