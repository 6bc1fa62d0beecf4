// Claims for a store that one process has open. They end with the process and do not expire.

import { type Claim, type Claims, workerPrefix } from './claims.ts';

export class MemoryClaims implements Claims {
  readonly #jobs = new Map<string, { readonly epoch: number; readonly isHeld: boolean }>();

  async claim({ jobs, limit }: Parameters<Claims['claim']>[0]): Promise<readonly Claim[]> {
    const free = jobs.filter((job) => this.#jobs.get(job)?.isHeld !== true);
    return free.slice(0, limit).map((job) => this.take(job));
  }

  renew = async (claims: readonly Claim[]): Promise<readonly Claim[]> => claims.filter((claim) => this.isHeld(claim));
  held = this.renew;

  async release(claims: readonly Claim[]): Promise<void> {
    for (const claim of claims) if (this.isHeld(claim)) this.end(claim.job);
  }

  async workers(): Promise<readonly string[]> {
    const held = [...this.#jobs].filter(([job, { isHeld }]) => isHeld && job.startsWith(workerPrefix));
    return held.map(([job]) => job.slice(workerPrefix.length)).toSorted();
  }

  isHeld({ job, epoch }: Claim): boolean {
    const known = this.#jobs.get(job);
    return known?.isHeld === true && known.epoch === epoch;
  }

  /** Ends the present claim of the job, if any. */
  take(job: string): Claim {
    const epoch = (this.#jobs.get(job)?.epoch ?? 0) + 1;
    this.#jobs.set(job, { epoch, isHeld: true });
    return { job, epoch };
  }

  end(job: string): void {
    const known = this.#jobs.get(job);
    if (known) this.#jobs.set(job, { ...known, isHeld: false });
  }
}
