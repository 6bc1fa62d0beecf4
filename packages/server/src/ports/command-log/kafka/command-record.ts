// Commands as records of the log, and their outcomes as the text of a bus event. Both are private to processes of one version of the
// format: a rolling update that changes it bumps the number, and an older consumer leaves the record to a newer one.

import type { Result } from '@hongyan/protocol/refusals';
import type { Command, CommandOutcome } from '../command-log.ts';

const formatVersion = 1;

/** A command with where its outcome goes. */
export interface SubmittedCommand {
  /** The topic of the node that waits for the outcome is made of it. */
  readonly node: string;
  /** Of the node's own. */
  readonly id: string;
  readonly command: Command;
}

export interface OutcomeOf {
  readonly id: string;
  readonly outcome: Result<CommandOutcome>;
}

export const encodeCommand = ({ node, id, command }: SubmittedCommand): Buffer =>
  Buffer.from(JSON.stringify([formatVersion, node, id, command]));

/** undefined: no record of this version. */
export function decodeCommand(value: Buffer): SubmittedCommand | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(value.toString());
  } catch {
    // Not ours: the caller reports where it stands.
    return undefined;
  }
  if (!Array.isArray(fields) || fields[0] !== formatVersion) return undefined;
  const [, node, id, command] = fields as [number, string, string, Command];
  return { node, id, command };
}

export const encodeOutcomes = (outcomes: readonly OutcomeOf[]): string => JSON.stringify(outcomes);
export const decodeOutcomes = (text: string): readonly OutcomeOf[] => JSON.parse(text) as readonly OutcomeOf[];
