// Who may write what a partition of the command log holds: its newest owner alone. A core that was paused and lost its partitions
// meanwhile still believes that they are its own; the store, which knows a newer epoch, refuses what it writes.

import { StoreFailure } from '@hongyan/base/result';

/** The owner of a partition, as of the claim that raised its epoch. */
export interface Fence {
  readonly partition: number;
  /** From 1, raised by every claim. */
  readonly epoch: number;
}

/** How far an owner has come in its partition. */
export interface LogPosition extends Fence {
  /** Of the first command that is not handled yet. */
  readonly offset: number;
  /** What was committed for the commands before this one is published. From here to `offset` its owner may have died before that. */
  readonly publishedOffset: number;
}

/** The partition has a newer owner: nothing was written, and the older one has to stop. */
export class Fenced extends StoreFailure {
  override readonly name = 'Fenced';
  constructor({ partition, epoch }: Fence, options?: ErrorOptions) {
    super('unavailable', `partition ${partition} has a newer owner than epoch ${epoch}: this one stops`, options);
  }
}
