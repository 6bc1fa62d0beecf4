// [L5] Limits per address for unauthenticated clients: connections, bodies, handshakes, and requests without a valid token.

import { andThen, type MaybePromise } from '@hongyan/base/maybe-promise';
import { done } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Rate, Taken } from '../../domain/rate.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';

/** For one gateway process. 0: no limit. */
export interface AddressBounds {
  /** For WebSocket connections, and separately for requests whose body is being read. */
  readonly connectionsMax: number;
  readonly handshakesPerS: number;
  readonly requestsPerS: number;
}

type Allowed = MaybePromise<Result<unknown>>;

/** One address may be an office whose clients reconnect together after a restart. */
const handshakeBurstS = 10;
const requestBurstS = 5;
const connectionsRetryMs = 5_000;

export class AddressLimits {
  readonly #bounds: () => AddressBounds;
  readonly #limiter: RateLimiter;
  /** Open WebSocket connections by address. */
  readonly #connections = new Map<string, number>();
  /** Bodies that are being read, by address. */
  readonly #bodies = new Map<string, number>();

  /** `bounds` is called for each decision: they may change while the server runs. */
  constructor(bounds: () => AddressBounds, limiter: RateLimiter) {
    this.#bounds = bounds;
    this.#limiter = limiter;
  }

  /** Refuses one more WebSocket connection beyond the limit. */
  room(key: string | undefined): Result<unknown> {
    return this.#roomIn(this.#connections, key);
  }

  /** Counts the body while it is read: a slow client occupies memory and a TCP connection. */
  async body<T>(key: string | undefined, read: () => Promise<Result<T>>): Promise<Result<T>> {
    const room = this.#roomIn(this.#bodies, key);
    if (room.type !== 'ok') return room;
    add(this.#bodies, key);
    try {
      return await read();
    } finally {
      remove(this.#bodies, key);
    }
  }

  /** Limits the rate of WebSocket handshakes. */
  handshake(key: string | undefined): Allowed {
    if (key === undefined) return done;
    return this.#draw(`handshake|${key}`, 'address-handshakes', rateOf(this.#bounds().handshakesPerS, handshakeBurstS));
  }

  /** Limits the rate of unauthenticated requests. */
  request({ limitKey: key }: { readonly limitKey?: string | undefined }): Allowed {
    if (key === undefined) return done;
    return this.#draw(key, 'address', rateOf(this.#bounds().requestsPerS, requestBurstS));
  }

  opened(key: string | undefined): void {
    add(this.#connections, key);
  }

  closed(key: string | undefined): void {
    remove(this.#connections, key);
  }

  #roomIn(counts: ReadonlyMap<string, number>, key: string | undefined): Result<unknown> {
    const { connectionsMax } = this.#bounds();
    if (key === undefined || connectionsMax === 0 || (counts.get(key) ?? 0) < connectionsMax) return done;
    return refusal.rateLimited({ retryAfterMs: connectionsRetryMs });
  }

  #draw(key: string, name: string, rate: Rate): Allowed {
    if (rate.perS === 0) return done;
    const taken = this.#limiter.draw({ key, rate, cost: 1 });
    return andThen(taken, allowed, name, rate);
  }
}

function add(counts: Map<string, number>, key: string | undefined): void {
  if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
}

function remove(counts: Map<string, number>, key: string | undefined): void {
  if (key === undefined) return;
  const left = (counts.get(key) ?? 1) - 1;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}

function allowed(taken: Taken, name: string, { perS, burst }: Rate): Result<unknown> {
  if (taken.type === 'taken') return done;
  const { remaining, retryAfterMs } = taken;
  return refusal.rateLimited({
    retryAfterMs,
    quota: { name, size: burst, windowS: Math.ceil(burst / perS), remaining },
  });
}

const rateOf = (perS: number, burstS: number): Rate => ({ perS, burst: Math.max(1, Math.ceil(perS * burstS)) });
