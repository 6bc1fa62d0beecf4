// [L5] What one address may do before anyone has authenticated: connections, bodies, handshakes, requests without a token or with a bad
// one.

import { andThen, type MaybePromise } from '@hongyan/base/maybe-promise';
import { done } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Rate, Taken } from '../../domain/rate.ts';
import type { RateLimiter } from '../../ports/rate-limiter/rate-limiter.ts';

/** Of one gateway process. 0 = without limit. */
export interface AddressBounds {
  /** Of WebSocket connections, and as many requests whose body is on its way. */
  readonly connectionsMax: number;
  readonly handshakesPerS: number;
  readonly requestsPerS: number;
}

type Allowed = MaybePromise<Result<unknown>>;

/** Behind one address may be an office that comes back together after a restart. */
const handshakeBurstS = 10;
const requestBurstS = 5;
const connectionsRetryMs = 5_000;

export class AddressLimits {
  readonly #bounds: () => AddressBounds;
  readonly #limiter: RateLimiter;
  /** Open WebSocket connections by address: no more entries than connections. */
  readonly #connections = new Map<string, number>();
  /** Likewise bodies that are being read. */
  readonly #bodies = new Map<string, number>();

  /** `bounds` is asked for each time: they may change while the server runs. */
  constructor(bounds: () => AddressBounds, limiter: RateLimiter) {
    this.#bounds = bounds;
    this.#limiter = limiter;
  }

  /** For one more WebSocket connection. */
  room(key: string | undefined): Result<unknown> {
    return this.#roomIn(this.#connections, key);
  }

  /** Reads a body: as long as its client takes, it holds memory and a TCP connection. */
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

  /** A WebSocket connection that is about to be accepted, where there is room. */
  handshake(key: string | undefined): Allowed {
    if (key === undefined) return done;
    return this.#draw(`handshake|${key}`, 'address-handshakes', rateOf(this.#bounds().handshakesPerS, handshakeBurstS));
  }

  /** A request of someone who is nobody yet. */
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
