// Runs work at most once per frame, so that a burst of events costs one render.

import { systemClock } from '@hongyan/base/clock';

/** A hidden page has no frames; then the work runs after this long. */
const hiddenDelayMs = 100;

/** The returned function asks for a run; asking again before it ran changes nothing. */
export function eachFrame(run: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const go = () => {
      if (!asked) return;
      asked = false;
      run();
    };
    requestAnimationFrame(go);
    systemClock.after(hiddenDelayMs, go);
  };
}
