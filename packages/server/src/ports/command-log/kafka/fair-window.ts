// What was read of a partition and is not handled yet, cut into batches: users take turns, and each keeps its order. Because of the
// turns a later command may be done before an earlier one; the position is that of the first one not done.

import type { UserId } from '@hongyan/protocol/ids';
import type { SubmittedCommand } from './command-record.ts';

export interface LoggedCommand extends SubmittedCommand {
  readonly offset: number;
}

export interface FairWindowBounds {
  readonly batchMax: number;
  readonly batchPerUserMax: number;
}

/** So many commands are looked at for turns; those behind them wait in the reader. */
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

  /** Of the first command that is not in a batch yet. */
  get offset(): number {
    return this.#commands[0]?.offset ?? this.#endOffset;
  }

  /** Up to `endOffset`; records that are no commands are passed over. */
  add(commands: readonly LoggedCommand[], endOffset: number): void {
    this.#commands.push(...commands);
    this.#endOffset = endOffset;
  }

  /**
   * At least one command, unless it is empty. A change of a conversation is a batch of its own, and comes when all before it is
   * done: it has no key that the timeline knows it by, so that of all that may be handled again only one can be a change.
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
