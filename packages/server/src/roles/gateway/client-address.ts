// [L5] Who a request is from: the peer, or the client that a trusted proxy names. Whoever else writes X-Forwarded-For is not believed.

import { type BlockList, isIPv4, isIPv6 } from 'node:net';

export interface ClientAddress {
  readonly address: string;
  /** What limits by address count by. undefined: a trusted peer that names no client speaks for itself. */
  readonly limitKey: string | undefined;
}

/** Of a header longer than this the end is read: the nearest proxies write there. */
const hopsMax = 16;

export class ClientAddresses {
  readonly #trusted: BlockList;

  constructor(trusted: BlockList) {
    this.#trusted = trusted;
  }

  /** `forwardedFor` is the X-Forwarded-For header: each proxy adds the address it was asked from at the end. */
  of(peer: string, forwardedFor: string | null): ClientAddress {
    const direct = plain(peer);
    if (!this.#isTrusted(direct)) return { address: direct, limitKey: limitKeyOf(direct) };
    const hops = forwardedFor === null ? [] : forwardedFor.split(',').slice(-hopsMax);
    for (const hop of hops.reverse()) {
      const address = plain(withoutPort(hop.trim()));
      // What is no address was made up by a client, or a proxy that hides it: what is left of it cannot be believed either.
      if (!isIPv4(address) && !isIPv6(address)) break;
      if (!this.#isTrusted(address)) return { address, limitKey: limitKeyOf(address) };
    }
    return { address: direct, limitKey: undefined };
  }

  #isTrusted(address: string): boolean {
    if (isIPv4(address)) return this.#trusted.check(address, 'ipv4');
    return isIPv6(address) && this.#trusted.check(address, 'ipv6');
  }
}

/** An IPv4 address of a socket that takes both families. */
const plain = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);

/** `192.0.2.1:4711`, `[2001:db8::1]:4711`: some proxies add the port. */
const withoutPort = (hop: string): string =>
  hop
    .match(/^\[([^\]]+)\]|^([\d.]+):\d+$/)
    ?.slice(1)
    .find(Boolean) ?? hop;

/** Who has an IPv6 network has all of its addresses: a /64 counts as one. */
function limitKeyOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%')[0]?.toLowerCase().split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - after.length;
  return [...groups, ...Array(Math.max(0, missing)).fill('0'), ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
