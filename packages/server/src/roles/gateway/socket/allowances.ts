// [L2, L7] Rate limits of one connection, in addition to its user's: pings, and refused requests.

import type { Clock } from '@hongyan/base/clock';
import { type Rate, takeFrom } from '../../../domain/rate.ts';
import type { Connection } from './connection.ts';

/** Far more than a heartbeat needs. */
const pingRate: Rate = { perS: 20, burst: 200 };
/** The burst allows a full window of requests to be refused; a client that continues without waiting is closed. */
const refusalRate = (inFlightMax: number): Rate => ({ perS: 10, burst: inFlightMax * 2 });

export class Allowances {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #refusalRate: Rate;

  constructor(clock: Pick<Clock, 'monotonicMs'>, inFlightMax: number) {
    this.#clock = clock;
    this.#refusalRate = refusalRate(inFlightMax);
  }

  /** Returns false when a ping is not answered; the pongs of earlier ones already show that the server lives. */
  takePing(connection: Connection): boolean {
    const { fullAtMs, taken } = takeFrom(connection.pingsFullAtMs, this.#draw(pingRate));
    connection.pingsFullAtMs = fullAtMs;
    return taken.type === 'taken';
  }

  /** Returns false when the client ignores retry_after_ms, which costs the server work for nothing. */
  takeRefusal(connection: Connection): boolean {
    const { fullAtMs, taken } = takeFrom(connection.refusalsFullAtMs, this.#draw(this.#refusalRate));
    connection.refusalsFullAtMs = fullAtMs;
    return taken.type === 'taken';
  }

  #draw = (rate: Rate) => ({ rate, cost: 1, nowMs: this.#clock.monotonicMs() });
}
