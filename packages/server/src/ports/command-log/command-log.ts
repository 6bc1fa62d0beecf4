// The command-log port: the way up. What was submitted is handled in order and is durable when the submit resolves.

import type { Committed, Outcome, SendCommand } from '../core/core.ts';

/**
 * MUST: resolve a submit only with the handler's outcome, after it made the command durable; hand commands over in the order
 * submitted per conversation; one handler at a time per partition. Handling is at least once: handlers are idempotent.
 * MUST NOT: grow without bound: a full queue answers `overloaded` at once.
 */
export interface CommandLog {
  submit(command: SendCommand): Promise<Outcome<Committed>>;
  /** Refuses new commands, finishes the accepted ones. */
  drain(): Promise<void>;
}

/** Outcomes in the order of the batch. A throw means that nothing of the batch is known to be durable. */
export type CommandHandler = (batch: readonly SendCommand[]) => Promise<readonly Outcome<Committed>[]>;
