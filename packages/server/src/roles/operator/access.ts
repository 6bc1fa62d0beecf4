// Who may use the operator listener: the bearer of its token, and browsers that exchanged it for a session cookie, because a page
// cannot add a header to the requests that its own loading makes.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Lifetime of a console session; afterwards the token is required again. */
const sessionMs = 12 * 3_600_000;

export class OperatorAccess {
  readonly #token: string;
  readonly #digest: Buffer;
  /** Browsers keep cookies by host, whatever the port: servers of one machine have names of their own. */
  readonly #cookieName: string;

  constructor(token: string) {
    this.#token = token;
    this.#digest = digestOf(token);
    this.#cookieName = `hongyan_operator_${this.#digest.toString('hex', 0, 4)}`;
  }

  isAllowed(request: Request, nowMs: number): boolean {
    const given = tokenIn(request.headers.get('authorization') ?? '');
    if (given !== undefined) return this.isToken(given);
    return isFromOwnPage(request) && this.#hasSession(request.headers.get('cookie') ?? '', nowMs);
  }

  /** In constant time, whatever the length of what was given. */
  isToken(given: string): boolean {
    return timingSafeEqual(digestOf(given), this.#digest);
  }

  /** The value of a Set-Cookie header. Nothing is kept of it here: it is signed with the token, and void with another one. */
  openSession(nowMs: number, isTls: boolean): string {
    const expiresAt = String(nowMs + sessionMs);
    const value = `${expiresAt}.${this.#signatureOf(expiresAt)}`;
    return `${this.#cookieName}=${value}; Max-Age=${sessionMs / 1000}; ${attributes}${isTls ? '; Secure' : ''}`;
  }

  /** The Set-Cookie header that makes a browser forget its session. */
  closeSession(): string {
    return `${this.#cookieName}=; Max-Age=0; ${attributes}`;
  }

  #hasSession(cookies: string, nowMs: number): boolean {
    const value = cookies.split(/; */).find((cookie) => cookie.startsWith(`${this.#cookieName}=`));
    const [expiresAt = '', signature = ''] = value?.slice(this.#cookieName.length + 1).split('.') ?? [];
    if (!/^\d{1,16}$/.test(expiresAt) || Number(expiresAt) <= nowMs) return false;
    return timingSafeEqual(digestOf(signature), digestOf(this.#signatureOf(expiresAt)));
  }

  #signatureOf(expiresAt: string): string {
    return createHmac('sha256', this.#token).update(`operator session until ${expiresAt}`).digest('base64url');
  }
}

/** Of a Bearer header, or the password of a Basic one: go tool pprof can only put it into the address, http://operator:token@host. */
function tokenIn(header: string): string | undefined {
  const [, scheme = '', value = ''] = header.match(/^(Bearer|Basic) +(\S+)$/i) ?? [];
  if (scheme.toLowerCase() !== 'basic') return value === '' ? undefined : value;
  return Buffer.from(value, 'base64')
    .toString()
    .replace(/^[^:]*:/, '');
}

const attributes = 'Path=/; HttpOnly; SameSite=Strict';

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * SameSite keeps other sites' pages from using the cookie, but not pages of other ports of this host, the web chat among them. Browsers
 * name the page's origin with every request that may change something, and say of any other, such as that of an image, whether it
 * comes from a page of another origin; `none` is an address that somebody typed.
 */
function isFromOwnPage({ headers }: Request): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && site !== 'none') return false;
  const origin = headers.get('origin');
  if (origin === null) return true;
  return URL.canParse(origin) && new URL(origin).host === headers.get('host');
}
