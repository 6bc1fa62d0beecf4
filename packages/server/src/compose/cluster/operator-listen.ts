// Where a process of a cluster listens to operators, and where the others reach it: several share a machine, and only the first gets the address that nobody named.

import { parseAddress } from '@hongyan/base/address';
import { listen } from 'bun';
import type { Source } from '../../config/load.ts';
import type { Config } from '../../config/options.ts';

/** The configured address; a free port beside it where the default is taken. */
export function operatorListen(
  { operatorListen: address }: Config,
  sources: Readonly<Record<string, Source>> = {},
): string {
  if (sources['operator-listen'] !== 'default') return address;
  const { hostname, port } = parseAddress(address);
  try {
    listen({ hostname, port, socket: { data() {} } }).stop(true);
    return address;
  } catch {
    // Taken: whatever else is wrong with it shows when it is listened on.
    return `${hostname}:0`;
  }
}

/** Where the other processes ask this one. */
export const announcedUrl = ({ operatorAddress }: Config, listenedUrl: string | undefined): string | undefined =>
  listenedUrl === undefined || operatorAddress === '' ? listenedUrl : `http://${operatorAddress}`;
