// Encodes commands as records of the log, and outcomes as the text of a bus event. A change of the format increments its version: during a
// rolling update, older consumers leave records of a newer version to newer consumers.

import type { Result } from '@hongyan/protocol/refusals';
import type { Command, CommandOutcome } from '../command-log.ts';

const formatVersion = 1;

/** A command, and where to send its outcome. */
export interface SubmittedCommand {
  /** The node that waits for the outcome. */
  readonly node: string;
  /** Unique within the node. */
  readonly id: string;
  readonly command: Command;
}

export interface OutcomeOf {
  readonly id: string;
  readonly outcome: Result<CommandOutcome>;
}

export const encodeCommand = ({ node, id, command }: SubmittedCommand): Buffer =>
  Buffer.from(JSON.stringify([formatVersion, node, id, command]));

/** undefined: the record is not of this version. */
export function decodeCommand(value: Buffer): SubmittedCommand | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(value.toString());
  } catch {
    // Not a command: the caller logs the offset.
    return undefined;
  }
  if (!Array.isArray(fields) || fields[0] !== formatVersion) return undefined;
  const [, node, id, command] = fields as [number, string, string, Command];
  return { node, id, command };
}

export const encodeOutcomes = (outcomes: readonly OutcomeOf[]): string => JSON.stringify(outcomes);
export const decodeOutcomes = (text: string): readonly OutcomeOf[] => JSON.parse(text) as readonly OutcomeOf[];
