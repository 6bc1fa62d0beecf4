// Fencing: only the newest owner of a partition of the command log may write for it. A core that was paused may have lost a partition
// without noticing. The stores know the newer epoch and reject its writes.

import { StoreFailure } from '@hongyan/base/result';

/** Identifies the owner of a partition by the epoch of its claim. */
export interface Fence {
  readonly partition: number;
  /** Starts at 1; each claim increments it. */
  readonly epoch: number;
}

/** How far an owner has executed the commands of its partition. */
export interface LogPosition extends Fence {
  /** Offset of the first command that is not executed yet. */
  readonly offset: number;
  /** Entries of commands before this offset are published. Those from here to `offset` may not be, if the owner died in between. */
  readonly publishedOffset: number;
}

/** The partition has a newer owner. Nothing was written, and the older owner must stop. */
export class Fenced extends StoreFailure {
  override readonly name = 'Fenced';
  constructor({ partition, epoch }: Fence, options?: ErrorOptions) {
    super('unavailable', `partition ${partition} has a newer owner than epoch ${epoch}: this owner stops`, options);
  }
}
