// What a command of the command line is, and how it ends.

import type { Source } from '../config/load.ts';
import type { Config } from '../config/options.ts';

export interface CommandInput {
  readonly config: Config;
  readonly sources: Readonly<Record<string, Source>>;
  /** Positional words, in order. */
  readonly words: readonly string[];
  readonly switches: ReadonlySet<string>;
}

export interface Command {
  /** As typed: "start", "user add". */
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  /** Flags without a value, beside the options of the configuration: name → description. */
  readonly switches?: Readonly<Record<string, string>>;
  /** Resolves with the exit code. */
  run(input: CommandInput): Promise<number>;
}

/** The user asked for something that cannot be: the message says what to do. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
