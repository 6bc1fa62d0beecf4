// What a core needs to know about a batch from a log of partitions, or about one of its commands.

import type { Fence, LogPosition } from '../../domain/fence.ts';

export interface BatchPosition {
  /** Stored in one transaction with the changes of the batch. */
  readonly position: LogPosition;
  readonly mayBeRepeated: boolean;
}

export interface CommandPlace {
  readonly fence: Fence;
  /** The command may have taken effect already, without its events being published. */
  readonly mayBeRepeated: boolean;
}
