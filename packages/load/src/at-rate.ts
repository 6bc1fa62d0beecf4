// Work at fixed moments, whatever the server does: the latency of a late item counts from its own moment (no coordinated omission).

import { systemClock } from '@hongyan/base/clock';

const tickMs = 1;

export interface AtRate {
  readonly onDue: (index: number, dueMs: number) => void;
  /** After all items that were due at a tick. */
  readonly onTick?: () => void;
}

/** Item k is due at k / perS seconds. A late tick handles all that are due. Resolves after `durationS`, also at a rate of 0. */
export function atRate(
  { perS, durationS }: { readonly perS: number; readonly durationS: number },
  { onDue, onTick }: AtRate,
): Promise<void> {
  const startedAt = performance.now();
  const total = Math.floor(perS * durationS);
  let next = 0;
  return new Promise((resolve) => {
    const timer = systemClock.every(tickMs, () => {
      const elapsedS = (performance.now() - startedAt) / 1000;
      for (; next < Math.min(total, elapsedS * perS); next++) onDue(next, startedAt + (next / perS) * 1000);
      onTick?.();
      if (elapsedS < durationS) return;
      timer.cancel();
      resolve();
    });
  });
}
