// The signals of a server. The first that stops it asks for a drain; a second one of an impatient operator ends the process at once.

import { readFileSync } from 'node:fs';

/** Resolves at the first SIGINT, SIGTERM or SIGHUP, which a closing terminal sends. Listens from the call on. */
export function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isStopping = false;
  const stop = () => {
    if (isStopping) process.exit(130);
    isStopping = true;
    resolve();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // A closing terminal may send several: further ones do not end the drain.
  if (!isIgnored(hangUp)) process.on('SIGHUP', () => isStopping || stop());
  return promise;
}

/** Calls `roll` at each SIGUSR2, of which there may be many. */
export function onRollSignal(roll: () => void): void {
  process.on('SIGUSR2', roll);
}

const hangUp = 1;

/** Under nohup the signal is ignored, and a listener would undo that. Without /proc it counts as not ignored. */
function isIgnored(signal: number): boolean {
  try {
    const mask = readFileSync('/proc/self/status', 'utf8').match(/^SigIgn:\s+([\da-f]+)/m)?.[1];
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    // No /proc on this system.
    return false;
  }
}
