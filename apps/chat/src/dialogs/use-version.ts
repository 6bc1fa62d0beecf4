// A number that grows when something that is shown has changed on the server: a burst of changes counts once.

import { systemClock, type Timer } from '@hongyan/base/clock';
import { useEffect, useState } from 'react';

const burstMs = 400;

/** `follow` calls its argument for each change, and returns what ends that. Another `follow` is another subscription. */
export function useVersion(follow: (changed: () => void) => () => void): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    let timer: Timer | undefined;
    const stop = follow(() => {
      timer ??= systemClock.after(burstMs, () => {
        timer = undefined;
        setVersion((before) => before + 1);
      });
    });
    return () => {
      timer?.cancel();
      stop();
    };
  }, [follow]);
  return version;
}
