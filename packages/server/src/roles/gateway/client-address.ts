// [L5] The address of a client: the peer, or the address that a trusted proxy reports in X-Forwarded-For. From other peers the header is
// ignored.

import { type BlockList, isIPv4, isIPv6 } from 'node:net';

export interface ClientAddress {
  readonly address: string;
  /** The key of limits per address. undefined: a trusted peer that reports no client is not limited. */
  readonly limitKey: string | undefined;
}

/** Only the last addresses of the header are read: the nearest proxies append theirs at the end. */
const hopsMax = 16;

export class ClientAddresses {
  readonly #trusted: BlockList;

  constructor(trusted: BlockList) {
    this.#trusted = trusted;
  }

  /** `forwardedFor` is the X-Forwarded-For header, to which each proxy appends the address of its peer. */
  of(peer: string, forwardedFor: string | null): ClientAddress {
    const direct = plain(peer);
    if (!this.#isTrusted(direct)) return { address: direct, limitKey: limitKeyOf(direct) };
    const hops = forwardedFor === null ? [] : forwardedFor.split(',').slice(-hopsMax);
    for (const hop of hops.reverse()) {
      const address = plain(withoutPort(hop.trim()));
      // This was invented by a client, or a proxy hides its peer: addresses before it cannot be trusted either.
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

/** Removes the IPv6 prefix that a dual-stack socket adds to IPv4 addresses. */
const plain = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);

/** `192.0.2.1:4711`, `[2001:db8::1]:4711`: some proxies add the port. */
const withoutPort = (hop: string): string =>
  hop
    .match(/^\[([^\]]+)\]|^([\d.]+):\d+$/)
    ?.slice(1)
    .find(Boolean) ?? hop;

/** A client usually has a whole IPv6 network, so a /64 counts as one address. */
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
