// [L2, L7] What one connection may ask beside its user's rate: pings, and requests that are refused.

import type { Clock } from '@hongyan/base/clock';
import { type Rate, takeFrom } from '../../../domain/rate.ts';
import type { Connection } from './connection.ts';

/** Far more than keeping a connection alive needs. */
const pingRate: Rate = { perS: 20, burst: 200 };
/** What is asked at once is refused at once; a client that then goes on without waiting is closed. */
const refusalRate = (inFlightMax: number): Rate => ({ perS: 10, burst: inFlightMax * 2 });

export class Allowances {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #refusalRate: Rate;

  constructor(clock: Pick<Clock, 'monotonicMs'>, inFlightMax: number) {
    this.#clock = clock;
    this.#refusalRate = refusalRate(inFlightMax);
  }

  /** Beyond their rate pings are not answered: what came between says as much. */
  takePing(connection: Connection): boolean {
    const { fullAtMs, taken } = takeFrom(connection.pingsFullAtMs, this.#one(pingRate));
    connection.pingsFullAtMs = fullAtMs;
    return taken.type === 'taken';
  }

  /** false: who does not wait as told costs the server work for nothing. */
  takeRefusal(connection: Connection): boolean {
    const { fullAtMs, taken } = takeFrom(connection.refusalsFullAtMs, this.#one(this.#refusalRate));
    connection.refusalsFullAtMs = fullAtMs;
    return taken.type === 'taken';
  }

  #one = (rate: Rate) => ({ rate, cost: 1, nowMs: this.#clock.monotonicMs() });
}
