// What one process knows of a bucket in Redis, and has of it in advance. Without I/O: it says what may be decided without asking.

import { fullSinceEver, type Rate, type Taken, takeFrom } from '../../../domain/rate.ts';
import type { Draw } from '../rate-limiter.ts';

/** Of the burst: what one process may have in advance. */
const leaseShare = 1 / 8;
/** With more time than this between two questions a user is not hot. */
const hotMs = 1_000;

export interface Answer {
  readonly leasedUnits: number;
  readonly fullInMs: number;
  /** By others. */
  readonly leasedMs: number;
}

interface AnsweredAt {
  /** Absent: as before. */
  readonly rate: Rate | undefined;
  readonly nowMs: number;
  /** The lease may be used. */
  readonly untilMs: number;
}

export class LocalBucket {
  /** Draws that wait for an answer, or for the question after it. */
  readonly waiting: { readonly draw: Draw; readonly resolve: (taken: Taken) => void }[] = [];
  isAsking = false;
  leaseUntilMs = 0;
  /** Taken since the last answer while Redis was away, in ms of the bucket. */
  #takenAloneMs = 0;
  #leasedUnits = 0;
  /** Of the last answer, and of the lease if there is one. */
  #rate: Rate | undefined;
  #wantedUnits = 0;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  /** As of the last answer, with everything that this process took since. */
  #fullAtMs = fullSinceEver;
  #hasOthersLeases = false;

  get hasLease(): boolean {
    return this.#leasedUnits > 0;
  }

  /** Nothing is lost when it is forgotten. */
  isIdle(nowMs: number): boolean {
    return !this.isAsking && !this.hasLease && this.#fullAtMs <= nowMs && this.#wantedUnits === 0;
  }

  /** To charge when Redis is back, in ms of the bucket: of what was taken without it, what did not come back since. */
  owedMs(nowMs: number): number {
    return Math.min(this.#takenAloneMs, Math.max(0, this.#fullAtMs - nowMs));
  }

  /** The decision, where it needs no question: there is a lease, or there was nothing left a moment ago. */
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

  /** The decision while nobody can be asked. */
  decideAlone({ rate, cost }: Draw, nowMs: number): Taken {
    const { fullAtMs, taken } = takeFrom(this.#fullAtMs, { rate, cost, nowMs });
    this.#fullAtMs = fullAtMs;
    if (taken.type === 'taken') this.#takenAloneMs += (Math.min(cost, rate.burst) * 1000) / rate.perS;
    return taken;
  }

  /** What goes back of the lease, in ms of the bucket: from here on there is none. */
  giveBack(nowMs: number): number {
    const units = nowMs < this.leaseUntilMs ? this.#leasedUnits : 0;
    this.#leasedUnits = 0;
    return this.#rate === undefined ? 0 : (units * 1000) / this.#rate.perS;
  }

  /** Units to have in advance: twice as many with each question that follows the one before closely, half with each that does not. */
  wantedUnits({ burst }: Rate, nowMs: number): number {
    const isHot = nowMs - this.#askedAtMs < hotMs;
    this.#askedAtMs = nowMs;
    this.#wantedUnits = isHot
      ? Math.min(Math.floor(burst * leaseShare), this.#wantedUnits * 2 || 1)
      : Math.floor(this.#wantedUnits / 2);
    return this.#wantedUnits;
  }

  /** There is no lease that will end: the user is not hot any more, or there was nothing to lease. */
  cool(): void {
    this.#wantedUnits = 0;
  }

  /** An answer: what was owed is charged with it. No bucket lacks more than it holds, unless the clock of Redis was set back. */
  learn({ leasedUnits, fullInMs, leasedMs }: Answer, { rate = this.#rate, nowMs, untilMs }: AnsweredAt): void {
    const capacityMs = rate === undefined ? fullInMs : (rate.burst * 1000) / rate.perS;
    this.#takenAloneMs = 0;
    this.#leasedUnits = leasedUnits;
    if (leasedUnits === 0) this.cool();
    this.#rate = rate;
    this.leaseUntilMs = untilMs;
    this.#fullAtMs = nowMs + Math.min(fullInMs, capacityMs);
    this.#hasOthersLeases = leasedMs > 0;
  }
}

const isSame = (one: Rate, other: Rate | undefined): boolean => one.perS === other?.perS && one.burst === other.burst;
