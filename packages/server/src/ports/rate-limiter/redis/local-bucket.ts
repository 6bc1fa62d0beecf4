// The local state of a bucket in Redis: what the process knows of it, and its lease. It has no I/O, and decides what can be decided without
// Redis.

import { fullSinceEver, type Rate, type Taken, takeFrom } from '../../../domain/rate.ts';
import type { Draw } from '../rate-limiter.ts';

/** The maximum share of the burst that one process leases. */
const leaseShare = 1 / 8;
/** A user whose requests are further apart is not hot. */
const hotMs = 1_000;

export interface Answer {
  readonly leasedUnits: number;
  readonly fullInMs: number;
  /** The leases of other processes. */
  readonly leasedMs: number;
}

interface AnsweredAt {
  /** Default: the previous rate. */
  readonly rate: Rate | undefined;
  readonly nowMs: number;
  /** The end of the lease. */
  readonly untilMs: number;
}

export class LocalBucket {
  /** The draws that wait for the answer in flight, or for the next request. */
  readonly waiting: { readonly draw: Draw; readonly resolve: (taken: Taken) => void }[] = [];
  isRequesting = false;
  leaseUntilMs = 0;
  /** The units taken since the last answer while Redis was unavailable, in ms of the bucket. */
  #takenAloneMs = 0;
  #leasedUnits = 0;
  /** The rate of the last answer, and of the lease if there is one. */
  #rate: Rate | undefined;
  #wantedUnits = 0;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  /** As of the last answer, plus everything that this process took since. */
  #fullAtMs = fullSinceEver;
  #hasOthersLeases = false;

  get hasLease(): boolean {
    return this.#leasedUnits > 0;
  }

  /** Whether the bucket can be evicted without loss. */
  isIdle(nowMs: number): boolean {
    return !this.isRequesting && !this.hasLease && this.#fullAtMs <= nowMs && this.#wantedUnits === 0;
  }

  /** The units to charge when Redis is available again, in ms of the bucket: those taken without it, minus those that refilled since. */
  chargeMs(nowMs: number): number {
    return Math.min(this.#takenAloneMs, Math.max(0, this.#fullAtMs - nowMs));
  }

  /** The decision when it needs no request: there is a lease, or the bucket was empty a moment ago. */
  decide({ rate, cost }: Draw, nowMs: number): Taken | undefined {
    if (cost <= this.#leasedUnits && nowMs < this.leaseUntilMs && isSame(rate, this.#rate)) {
      this.#leasedUnits -= cost;
      const level = takeFrom(this.#fullAtMs, { rate, cost: 0, nowMs }).taken;
      return { type: 'taken', remaining: level.remaining + this.#leasedUnits, fullInMs: level.fullInMs };
    }
    if (this.hasLease || this.#hasOthersLeases) return undefined;
    const { taken } = takeFrom(this.#fullAtMs, { rate, cost, nowMs });
    return taken.type === 'refused' ? taken : undefined;
  }

  /** The decision while Redis is unavailable. */
  decideAlone({ rate, cost }: Draw, nowMs: number): Taken {
    const { fullAtMs, taken } = takeFrom(this.#fullAtMs, { rate, cost, nowMs });
    this.#fullAtMs = fullAtMs;
    if (taken.type === 'taken') this.#takenAloneMs += (Math.min(cost, rate.burst) * 1000) / rate.perS;
    return taken;
  }

  /** Ends the lease. Returns its unused part, in ms of the bucket. */
  returnLease(nowMs: number): number {
    const units = nowMs < this.leaseUntilMs ? this.#leasedUnits : 0;
    this.#leasedUnits = 0;
    return this.#rate === undefined ? 0 : (units * 1000) / this.#rate.perS;
  }

  /** The units to lease: doubled with each request that closely follows the previous one, halved with each that does not. */
  wantedUnits({ burst }: Rate, nowMs: number): number {
    const isHot = nowMs - this.#askedAtMs < hotMs;
    this.#askedAtMs = nowMs;
    this.#wantedUnits = isHot
      ? Math.min(Math.floor(burst * leaseShare), this.#wantedUnits * 2 || 1)
      : Math.floor(this.#wantedUnits / 2);
    return this.#wantedUnits;
  }

  /** Call it when there is no lease: the user is no longer hot, or there was nothing to lease. */
  stopLeasing(): void {
    this.#wantedUnits = 0;
  }

  /** Applies an answer, which includes the charged units. No bucket lacks more than its burst, unless the clock of Redis was set back. */
  applyAnswer({ leasedUnits, fullInMs, leasedMs }: Answer, { rate = this.#rate, nowMs, untilMs }: AnsweredAt): void {
    const capacityMs = rate === undefined ? fullInMs : (rate.burst * 1000) / rate.perS;
    this.#takenAloneMs = 0;
    this.#leasedUnits = leasedUnits;
    if (leasedUnits === 0) this.stopLeasing();
    this.#rate = rate;
    this.leaseUntilMs = untilMs;
    this.#fullAtMs = nowMs + Math.min(fullInMs, capacityMs);
    this.#hasOthersLeases = leasedMs > 0;
  }
}

const isSame = (one: Rate, other: Rate | undefined): boolean => one.perS === other?.perS && one.burst === other.burst;
