// Commands that were read from a partition and wait, cut into batches: users take turns, and the commands of each user keep their order.
// Later commands may therefore be done before earlier ones; the position is that of the first command not done.

import type { UserId } from '@hongyan/protocol/ids';
import type { SubmittedCommand } from './command-record.ts';

export interface LoggedCommand extends SubmittedCommand {
  readonly offset: number;
}

export interface FairWindowBounds {
  readonly batchMax: number;
  readonly batchPerUserMax: number;
}

/** Commands among which users take turns; further ones wait in the reader. */
const windowMax = 2_048;

export class FairWindow {
  readonly #bounds: FairWindowBounds;
  #commands: LoggedCommand[] = [];
  #endOffset: number;

  constructor(bounds: FairWindowBounds, startOffset: number) {
    this.#bounds = bounds;
    this.#endOffset = startOffset;
  }

  get room(): number {
    return windowMax - this.#commands.length;
  }

  get size(): number {
    return this.#commands.length;
  }

  /** Offset of the first command that is not in a batch yet. */
  get offset(): number {
    return this.#commands[0]?.offset ?? this.#endOffset;
  }

  /** Adds commands before `endOffset`, which may be beyond the last one: other records are skipped. */
  add(commands: readonly LoggedCommand[], endOffset: number): void {
    this.#commands.push(...commands);
    this.#endOffset = endOffset;
  }

  /**
   * Returns at least one command, unless the window is empty. A change of a conversation is a batch of its own, executed after all earlier
   * commands: the timeline cannot detect its repeat by a key, so at most one command that may be repeated can be such a change.
   */
  takeBatch(): readonly LoggedCommand[] {
    const [first] = this.#commands;
    if (first && isChange(first)) return this.#commands.splice(0, 1);
    const { batchMax, batchPerUserMax } = this.#bounds;
    const barrier = this.#commands.findIndex(isChange);
    const end = barrier === -1 ? this.#commands.length : barrier;
    const batch: LoggedCommand[] = [];
    const left: LoggedCommand[] = [];
    const taken = new Map<UserId, number>();
    for (const [index, logged] of this.#commands.entries()) {
      const ofUser = taken.get(logged.command.from) ?? 0;
      if (index >= end || batch.length >= batchMax || ofUser >= batchPerUserMax) {
        left.push(logged);
        continue;
      }
      batch.push(logged);
      taken.set(logged.command.from, ofUser + 1);
    }
    this.#commands = left;
    return batch;
  }
}

function isChange({ command }: LoggedCommand): boolean {
  switch (command.type) {
    case 'message':
    case 'change_message':
    case 'change_private':
      return false;
    default:
      return true;
  }
}
