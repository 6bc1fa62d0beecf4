// A deadline for requests that the Kafka client would retry for minutes.

import { aborted } from '@hongyan/base/abort';
import type { Clock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';

/** The deadline of a broker for one attempt. */
const silenceMaxMs = 5_000;

/** Rejects with `unavailable` after `silenceMaxMs` without an answer, and with the reason of `signal` when that aborts. */
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
