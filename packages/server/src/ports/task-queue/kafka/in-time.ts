// An end to questions that the client of Kafka asks again and again for minutes.

import { aborted } from '@hongyan/base/abort';
import type { Clock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';

/** As long as a broker may take for one try. */
const silenceMaxMs = 5_000;

/** Rejects as unavailable when there is no answer for `silenceMaxMs`, and with the reason of `signal` when that aborts. */
export async function inTime<T>(
  answer: Promise<T>,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<T> {
  const late = new AbortController();
  const timer = clock.after(silenceMaxMs, () =>
    late.abort(new StoreFailure('unavailable', `Kafka has not answered for ${silenceMaxMs} ms`)),
  );
  const over = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
  try {
    return await Promise.race([answer, aborted(over)]);
  } finally {
    timer.cancel();
  }
}
