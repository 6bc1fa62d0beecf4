// Parses sets of network addresses in the configuration.

import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Parses texts such as `10.0.0.0/8, ::1`. Throws an error that says what is wrong. */
export function parseNetworks(text: string): BlockList {
  const networks = new BlockList();
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const [address = '', bits] = part.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
    const all = family === 'ipv4' ? 32 : 128;
    const prefix = bits === undefined ? all : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (family === undefined || !(prefix >= 0 && prefix <= all))
      throw new Error(`networks are addresses, or ranges such as 10.0.0.0/8, separated by commas; not "${part}"`);
    networks.addSubnet(address, prefix, family);
  }
  return networks;
}
