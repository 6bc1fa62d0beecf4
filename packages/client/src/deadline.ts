// A time by which an answer must have arrived. A timer that is late, as in a page that was frozen, says nothing about the answer: it
// may have arrived and wait for its turn behind the timer.

import type { Clock, Timer } from '@hongyan/base/clock';

/** [C7] Calls `onMissed` after `delayMs`; where the timer is late by half of that and more, after another `delayMs`. */
export function deadline(clock: Clock, delayMs: number, onMissed: () => void): Timer {
  const dueMs = clock.monotonicMs() + delayMs;
  let timer = clock.after(delayMs, () => {
    if (clock.monotonicMs() - dueMs < delayMs / 2) return onMissed();
    timer = clock.after(delayMs, onMissed);
  });
  return { cancel: () => timer.cancel() };
}
