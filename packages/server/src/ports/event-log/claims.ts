// Claims of jobs, a part of the event-log port: of several processes one records events, and one sends the events of an endpoint.

import { StoreFailure } from '@hongyan/base/result';

/** The job of recording events: from the feed, and from receipts and presence, which are in no timeline. */
export const recordJob = 'record';
export const sendJob = (endpointId: string): string => `send ${endpointId}`;
/**
 * The presence of a worker: the workers that hold theirs share the other jobs. `worker` identifies one run of a process, so no other
 * process claims it.
 */
export const workerJob = (worker: string): string => `${workerPrefix}${worker}`;
export const workerPrefix = 'worker ';

export interface Claim {
  readonly job: string;
  /** Every claim of the job raises it, and so does every change of its endpoint. */
  readonly epoch: number;
}

/** Another process claimed the job, or its endpoint was changed. Nothing was stored, and the holder of the claim must stop. */
export class ClaimLost extends StoreFailure {
  override readonly name = 'ClaimLost';
  constructor({ job, epoch }: Claim) {
    super('unavailable', `the claim ${epoch} of "${job}" has ended: this process stops with it`);
  }
}

/**
 * A job MUST have at most one claim at a time. A claim ends when it is released, when its endpoint is changed, or when another process
 * claims the job after the claim has expired. Writes under a claim that has ended MUST be rejected as ClaimLost, so that a process that
 * was paused changes nothing late.
 */
export interface Claims {
  /**
   * Claims up to `limit` of `jobs` that no process holds, for `ttlMs`. The claims of a process that died end with it or expire,
   * depending on the adapter.
   */
  claim(request: {
    readonly jobs: readonly string[];
    readonly limit: number;
    readonly ttlMs: number;
  }): Promise<readonly Claim[]>;
  /** Extends claims to `ttlMs` from now. Returns those that have not ended. */
  renew(claims: readonly Claim[], ttlMs: number): Promise<readonly Claim[]>;
  /** Returns those claims that have not ended. */
  held(claims: readonly Claim[]): Promise<readonly Claim[]>;
  /** Ends claims. Other processes may claim the jobs at once. */
  release(claims: readonly Claim[]): Promise<void>;
  /** The workers whose `workerJob` is held, ascending. */
  workers(): Promise<readonly string[]>;
}
