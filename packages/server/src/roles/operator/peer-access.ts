// How processes of a cluster ask each other's operator listeners: each request is signed with the secret that all of them have, for one
// process and some seconds. Addresses of processes stand where more than these processes may write, so no token is ever sent to one.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '@hongyan/base/clock';
import { targetUrl } from '../../http/request-target.ts';

export interface PeerAccessOptions {
  /** The same in every process of the cluster. */
  readonly secret: Uint8Array;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Clocks of two machines differ, and a question takes a moment. */
const goodForMs = 60_000;
const scheme = 'Hongyan-Process';
const headerPattern = new RegExp(`^${scheme} (\\d{1,16})\\.([\\w-]{43})$`);

interface Signed {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: string;
}

export class PeerAccess {
  readonly #options: PeerAccessOptions;
  readonly #life: string;

  /** `life`: of this process, which requests to it are signed for. */
  constructor(life: string, options: PeerAccessOptions) {
    this.#life = life;
    this.#options = options;
  }

  /** The Authorization header of a request to the process with that life. */
  headerFor(life: string, request: Signed): string {
    const untilMs = this.#options.clock.nowMs() + goodForMs;
    return `${scheme} ${untilMs}.${this.#signature(life, untilMs, request).toString('base64url')}`;
  }

  /** In constant time as to the signature. */
  async isPeer(request: Request): Promise<boolean> {
    const [, until = '', given = ''] = headerPattern.exec(request.headers.get('authorization') ?? '') ?? [];
    const leftMs = Number(until) - this.#options.clock.nowMs();
    if (given === '' || leftMs < 0 || leftMs > 2 * goodForMs) return false;
    const { pathname, search } = targetUrl(request.url);
    const body = await request.clone().text();
    const signed = { method: request.method, path: `${pathname}${search}`, body };
    return timingSafeEqual(this.#signature(this.#life, Number(until), signed), Buffer.from(given, 'base64url'));
  }

  #signature(life: string, untilMs: number, { method, path, body }: Signed): Buffer {
    const bodyHash = createHash('sha256').update(body).digest('hex');
    return createHmac('sha256', this.#options.secret)
      .update(['hongyan operator request', life, untilMs, method, path, bodyHash].join('\n'))
      .digest();
  }
}
