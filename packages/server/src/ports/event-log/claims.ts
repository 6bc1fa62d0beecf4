// The part of the event-log port that says who does what: of several processes one records what happens, and one sends for an endpoint.

import { StoreFailure } from '@hongyan/base/result';

/** Reading the feed, and telling what is in no timeline. */
export const recordJob = 'record';
export const sendJob = (endpointId: string): string => `send ${endpointId}`;
/** To be there: whoever has it shares the other jobs with those who have theirs. Of one life of a process, and never claimed by another. */
export const workerJob = (worker: string): string => `${workerPrefix}${worker}`;
export const workerPrefix = 'worker ';

export interface Claim {
  readonly job: string;
  /** Raised by every claim, and when the endpoint it is about was changed. */
  readonly epoch: number;
}

/** Another process has the job by now, or its endpoint was changed: nothing was stored, and whoever had the claim stops. */
export class ClaimLost extends StoreFailure {
  override readonly name = 'ClaimLost';
  constructor({ job, epoch }: Claim) {
    super('unavailable', `the claim ${epoch} of "${job}" has ended: this process stops with it`);
  }
}

/**
 * MUST: a job has one claim at a time. A claim ends when it is released, when its endpoint is changed, or when another one is made
 * after its time; what is written under one that ended is refused, so that a process that was paused changes nothing late.
 */
export interface Claims {
  /**
   * Of `jobs` those that nobody holds, `limit` of them at most; they are the caller's for `ttlMs`. The time of a process that died is
   * over with it, or passes.
   */
  claim(request: {
    readonly jobs: readonly string[];
    readonly limit: number;
    readonly ttlMs: number;
  }): Promise<readonly Claim[]>;
  /** For another `ttlMs`. Returns those that have not ended. */
  renew(claims: readonly Claim[], ttlMs: number): Promise<readonly Claim[]>;
  /** Those that have not ended. */
  held(claims: readonly Claim[]): Promise<readonly Claim[]>;
  /** Others may claim them at once. */
  release(claims: readonly Claim[]): Promise<void>;
  /** Those whose `workerJob` is held, by their names. */
  workers(): Promise<readonly string[]>;
}
