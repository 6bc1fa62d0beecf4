// HTTP requests to configured URLs, by Bun's fetch. This adapter resolves the name and checks all its addresses. It connects to a checked
// address, with the name in Host and for the certificate [W6].

import { lookup } from 'node:dns/promises';
import { aborted } from '@hongyan/base/abort';
import { type Ok, ok } from '@hongyan/base/result';
import { isPublicAddress } from '../../domain/public-address.ts';
import type { Outbound, OutboundRequest, OutboundResponse } from './outbound.ts';

export interface GuardedOutboundOptions {
  /** Allows addresses of this machine and of private networks. */
  readonly mayReachPrivate: boolean;
  /** Returns all addresses of a name. Default: the system's resolver. */
  readonly resolve?: ((hostname: string) => Promise<readonly string[]>) | undefined;
  /** Additional certificate authorities (PEM). */
  readonly ca?: string | undefined;
}

const privateRefused =
  'is not an address of the public internet; start the server with --webhook-private-addresses to allow it';

/** No connection was made, so nothing was sent. */
const unreached = new Set(
  'ECONNREFUSED ConnectionRefused ENETUNREACH EHOSTUNREACH EADDRNOTAVAIL EAFNOSUPPORT'.split(' '),
);

export class GuardedOutbound implements Outbound {
  readonly #options: GuardedOutboundOptions;

  constructor(options: GuardedOutboundOptions) {
    this.#options = options;
  }

  refusalOf(text: string): string | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url) return 'it is not a URL';
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'it is neither https nor http';
    if (url.username !== '' || url.password !== '') return 'it has a user name or password: use the signature instead';
    const literal = addressOf(url);
    const isOpen = literal === undefined || this.#options.mayReachPrivate || isPublicAddress(literal);
    return isOpen ? undefined : `${literal} ${privateRefused}`;
  }

  async post(posting: OutboundRequest): Promise<OutboundResponse> {
    const { url: text, timeoutMs } = posting;
    const refusal = this.refusalOf(text);
    if (refusal !== undefined) return { type: 'failed', error: `the address is refused: ${refusal}` };
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = anyOf(deadline, posting.signal);
    try {
      const url = new URL(text);
      const addresses = await this.#checkedAddresses(url, signal);
      if (addresses.type === 'failed') return addresses;
      return await this.#sendToOne(posting, { url, addresses: addresses.value, signal });
    } catch (error) {
      return { type: 'failed', error: deadline.aborted ? `no answer within ${timeoutMs} ms` : describe(error) };
    }
  }

  /** Returns at least one address. */
  async #checkedAddresses(
    url: URL,
    signal: AbortSignal,
  ): Promise<Ok<readonly string[]> | { readonly type: 'failed'; readonly error: string }> {
    const literal = addressOf(url);
    if (literal !== undefined) return ok([literal]);
    const { mayReachPrivate, resolve = resolveBySystem } = this.#options;
    const addresses = await Promise.race([resolve(url.hostname), aborted(signal)]);
    if (addresses.length === 0) return { type: 'failed', error: `${url.hostname} has no address` };
    // Checks all addresses: a name with a private address beside a public one is an attack or a mistake.
    const closed = mayReachPrivate ? undefined : addresses.find((address) => !isPublicAddress(address));
    if (closed !== undefined) return { type: 'failed', error: `${url.hostname} is ${closed}, which ${privateRefused}` };
    return ok(addresses);
  }

  /**
   * Tries the addresses in order until one accepts the connection. The receiver of localhost, for example, may listen at either of two
   * addresses.
   */
  async #sendToOne(
    posting: OutboundRequest,
    {
      url,
      addresses,
      signal,
    }: { readonly url: URL; readonly addresses: readonly string[]; readonly signal: AbortSignal },
  ): Promise<OutboundResponse> {
    const [address = '', ...others] = addresses;
    try {
      return await this.#send(posting, { url, address, signal });
    } catch (error) {
      if (others.length === 0 || !unreached.has(codeOf(error))) throw error;
      return this.#sendToOne(posting, { url, addresses: others, signal });
    }
  }

  async #send(
    { headers, body, answerBytesMax }: OutboundRequest,
    { url, address, signal }: { readonly url: URL; readonly address: string; readonly signal: AbortSignal },
  ): Promise<OutboundResponse> {
    const direct = new URL(url);
    direct.hostname = address.includes(':') ? `[${address}]` : address;
    const { ca } = this.#options;
    const response = await fetch(direct, {
      method: 'POST',
      headers: { ...headers, host: url.host },
      body,
      redirect: 'manual',
      signal,
      ...(url.protocol === 'https:' ? { tls: { serverName: nameOf(url), ...(ca === undefined ? {} : { ca }) } } : {}),
    } as RequestInit);
    const answer = await readSome(response, answerBytesMax);
    return { type: 'answered', status: response.status, retryAfter: response.headers.get('retry-after'), ...answer };
  }
}

/** The address when the host of the URL is one. WHATWG URLs have it in its canonical form. */
function addressOf({ hostname }: URL): string | undefined {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname) ? hostname : undefined;
}

const nameOf = ({ hostname }: URL): string => (hostname.startsWith('[') ? hostname.slice(1, -1) : hostname);

async function resolveBySystem(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

const anyOf = (deadline: AbortSignal, signal: AbortSignal | undefined): AbortSignal =>
  signal === undefined ? deadline : AbortSignal.any([deadline, signal]);

async function readSome(
  response: Response,
  bytesMax: number,
): Promise<{ readonly body: string; readonly isCut: boolean }> {
  const reader = response.body?.getReader();
  if (!reader) return { body: '', isCut: false };
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value.subarray(0, bytesMax - size));
    size += value.length;
    if (size > bytesMax) {
      await reader.cancel();
      break;
    }
  }
  return { body: Buffer.concat(pieces).toString('utf8'), isCut: size > bytesMax };
}

/** The code of an error, or its name. */
const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return '';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
};

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = codeOf(error);
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'the connection was refused',
    ConnectionRefused: 'the connection was refused',
    ECONNRESET: 'the connection was closed without an answer',
    ConnectionClosed: 'the connection was closed without an answer',
    ENOTFOUND: 'the name has no address',
    AbortError: 'given up, because the server stops or the endpoint was changed',
  };
  return known[code] ?? `${code}: ${error.message.slice(0, 200)}`;
}
