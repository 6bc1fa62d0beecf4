// Why an address cannot be listened on, with what to do: the runtime's own message names neither the remedy nor, often, the address.

import { isIP } from 'node:net';
import { type Address, formatAddress } from '@hongyan/base/address';

/** The error that says it, or `error` itself where the reason is another one. `flag` is what sets the address. */
export function listenFailure(error: unknown, listen: Address, flag: string): unknown {
  const text = sentence((error as NodeJS.ErrnoException).code, listen, flag);
  return text === undefined ? error : new Error(text, { cause: error });
}

function sentence(code: string | undefined, listen: Address, flag: string): string | undefined {
  const address = formatAddress(listen);
  switch (code) {
    case 'EADDRINUSE':
      // The runtime says the same of some names that cannot be resolved.
      return isIP(listen.hostname) === 0
        ? `another process listens on ${address}, or this machine has no such name: stop that process, or name another address by ${flag}`
        : `another process listens on ${address}: stop it, or name another address by ${flag}`;
    case 'EADDRNOTAVAIL':
      return `${listen.hostname} is no address of this machine: name one that is by ${flag}`;
    case 'EACCES':
      return `this user may not listen on ${address}, as ports below 1024 are for root: name another one by ${flag}`;
    default:
      return undefined;
  }
}
