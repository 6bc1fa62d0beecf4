// Addresses of servers: host:port as configured and as bound, and the URL that a client can use.

export interface Address {
  /** An IPv6 address without brackets. */
  readonly hostname: string;
  readonly port: number;
}

export interface BoundAddress extends Address {
  readonly isTls: boolean;
  /** The Host header of the current request: the address by which the client reached the server, also through proxies. */
  readonly askedBy?: string | null;
}

/**
 * The URL at which clients reach a server that is bound to this address. `askedBy` is preferred. A wildcard address cannot be
 * connected to, so the loopback address of its family replaces it.
 */
export function reachableUrl({ hostname, port, isTls, askedBy }: BoundAddress): string {
  const scheme = isTls ? 'https' : 'http';
  if (askedBy && hostHeader.test(askedBy)) return `${scheme}://${askedBy}`;
  return `${scheme}://${formatAddress({ hostname: isWildcard(hostname) ? loopbackOf(hostname) : hostname, port })}`;
}

/** Parses host:port; an IPv6 address is in brackets. */
export function parseAddress(text: string): Address {
  const at = text.lastIndexOf(':');
  return { hostname: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

/** The inverse of parseAddress. */
export const formatAddress = ({ hostname, port }: Address): string =>
  `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;

/** A valid Host header. Anything else does not come from a browser, and is not returned to it. */
const hostHeader = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

/** 0.0.0.0, :: and their other spellings, such as 0 and 0:0:0:0:0:0:0:0. */
const isWildcard = (hostname: string): boolean => /^[0:.]+$/.test(hostname);

const loopbackOf = (wildcard: string): string => (wildcard.includes(':') ? '::1' : '127.0.0.1');
