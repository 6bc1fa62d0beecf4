// Explains why an address cannot be listened on, and what to do: the runtime's message names no remedy, and often no address.

import { isIP } from 'node:net';
import { type Address, formatAddress } from '@hongyan/base/address';

/** Returns an error with the explanation, or `error` itself for another reason. `flag` is the option that sets the address. */
export function listenFailure(error: unknown, listen: Address, flag: string): unknown {
  const text = explanationOf((error as NodeJS.ErrnoException).code, listen, flag);
  return text === undefined ? error : new Error(text, { cause: error });
}

function explanationOf(code: string | undefined, listen: Address, flag: string): string | undefined {
  const address = formatAddress(listen);
  switch (code) {
    case 'EADDRINUSE':
      // The runtime reports the same code for some names that cannot be resolved.
      return isIP(listen.hostname) === 0
        ? `another process listens on ${address}, or this machine has no such name: stop that process, or set another address with ${flag}`
        : `another process listens on ${address}: stop it, or set another address with ${flag}`;
    case 'EADDRNOTAVAIL':
      return `${listen.hostname} is not an address of this machine: set one that is with ${flag}`;
    case 'EACCES':
      return `this user may not listen on ${address}, as ports below 1024 are for root: set another one with ${flag}`;
    default:
      return undefined;
  }
}
