// The signals of a server and of commands that work for minutes. The first lets them drain or clean up; a second one of an impatient
// operator ends the process at once.

import { readFileSync } from 'node:fs';

/** The reason of `stopSignal`. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

/** Aborts at the first SIGINT, SIGTERM or SIGHUP, which a closing terminal sends. Listens from the call on. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const { signal: stopping } = controller;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping.aborted) process.exit(130);
    controller.abort(new Stopped(signal));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // A closing terminal may send several: further ones end nothing at once.
  if (!isIgnored(hangUp)) process.on('SIGHUP', (signal) => stopping.aborted || stop(signal));
  return stopping;
}

/** Calls `roll` at each SIGUSR2, of which there may be many. Listens from the call on: before it the signal ends the process. */
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
